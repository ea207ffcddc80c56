#!/usr/bin/env bash
# Tests the by-hand way to certificates: runs the scripts of cert/ in a copy, checks what they make.
#   tests/certificates.sh                        all checks, exit code 1 on any fault
#   tests/certificates.sh make DIR [password]    only makes a set: DIR/server/cert, DIR/client/cert
# Проверка ручного способа: сценарии из cert/ запускаются в копии, готовое сверяет сам openssl.
# Слово make ничего не проверяет, а только готовит набор файлов для других проверок.
set -euo pipefail
project=$(cd "$(dirname "$0")/.." && pwd)
faults=0
temporary=

# Удаляет временную папку.
clean() {
    if [ -n "$temporary" ]; then
        rm -rf "$temporary"
    fi
}
trap clean EXIT

# Печатает итог одной проверки: ok или FAIL. $1 = название, дальше команда, которая должна удаться.
expect() {
    local title=$1
    shift
    if "$@" > "$temporary/log" 2>&1; then
        echo "  ok    $title"
    else
        echo "  FAIL  $title"
        tail -n 20 "$temporary/log" | sed 's/^/        /'
        faults=$((faults + 1))
    fi
}

# То же, но команда обязана кончиться ошибкой.
expect_refusal() {
    local title=$1
    shift
    expect "$title" refused "$@"
}

# Удаётся тогда, когда команда кончилась ошибкой.
refused() {
    if "$@"; then
        return 1
    fi
}

# Копирует сценарии в папку $1.
copy_scripts() {
    mkdir -p "$1/CA"
    cp "$project"/cert/*.sh "$1/"
    cp "$project"/cert/CA/*.sh "$1/CA/"
}

# Все шаги по порядку в папке $1; $2 = пароль ключей сервера и клиента, пустой = без пароля.
run_scripts() {
    export CA_PASSWORD="CA password 1" KEY_PASSWORD=$2
    bash "$1/CA/create_cert.sh"
    bash "$1/create_key_csr.sh"
    bash "$1/create_certificate.sh"
    bash "$1/create_key_csr.sh" client
    bash "$1/create_client_certificate.sh"
}

# Готовит набор в папке $1, как его положил бы человек; $2 = пароль ключей или пусто.
make_set() {
    mkdir -p "$1/server/cert" "$1/client/cert"
    copy_scripts "$temporary/make"
    run_scripts "$temporary/make" "$2" > "$temporary/make.log" 2>&1 || {
        cat "$temporary/make.log" >&2
        return 1
    }
    cp -p "$temporary/make/domain.key" "$temporary/make/domain.crt" "$1/server/cert/"
    cp -p "$temporary/make/client.key" "$temporary/make/client.crt" "$1/client/cert/"
    cp -p "$temporary/make/CA/rootCA.crt" "$1/client/cert/"
}

# Печатает расширения сертификата $1 одной строкой, без лишних пробелов.
extensions() {
    openssl x509 -in "$1" -noout \
        -ext basicConstraints,keyUsage,extendedKeyUsage,subjectAltName | tr -s ' \n' ' '
}

# Удаётся, если расширения файла $1 в точности такие, как $2.
extensions_are() {
    local found
    found=$(extensions "$1")
    echo "found:  $found"
    echo "wanted: $2"
    [ "$found" = "$2" ]
}

# Удаётся, если файл $1 кончит действовать не раньше чем через $2 дней и раньше чем через $2 + 1.
ends_in_days() {
    openssl x509 -in "$1" -noout -enddate
    openssl x509 -in "$1" -noout -checkend $((($2 - 1) * 86400)) \
        && refused openssl x509 -in "$1" -noout -checkend $((($2 + 1) * 86400))
}

# Удаётся, если в $1 ровно два сертификата и второй из них совпадает с $2.
chain_is() {
    local leaf
    leaf=$(openssl x509 -in "$1")
    [ "$(cat "$1")" = "$leaf"$'\n'"$(openssl x509 -in "$2")" ]
}

# Удаётся, если открытый ключ в сертификате $1 тот же, что у ключа $2 с паролем $3.
same_key() {
    [ "$(openssl x509 -in "$1" -noout -pubkey)" = \
        "$(openssl pkey -in "$2" -passin "pass:$3" -pubout)" ]
}

# Удаётся, если у файла $1 права $2.
mode_is() {
    [ "$(stat -c %a "$1")" = "$2" ]
}

# Удаётся, если ключ $1 зашифрован так, как умеет читать программа.
encrypted_as_agreed() {
    local structure
    structure=$(openssl asn1parse -in "$1")
    echo "$structure"
    for word in PBES2 PBKDF2 hmacWithSHA256 aes-256-cbc; do
        case "$structure" in
        *":$word"*) ;;
        *) return 1 ;;
        esac
    done
}

# Удаётся, если в ключе $1 (пароль $2) алгоритм $3.
algorithm_is() {
    openssl pkey -in "$1" -passin "pass:$2" -noout -text | grep -q "$3"
}

# Одно настоящее соединение TLS 1.3 с взаимной проверкой по набору в папке $1; $2 = пароль.
handshake() {
    local port= server result=1
    openssl s_server -rev -accept 127.0.0.1:0 -tls1_3 -alpn supertext/1 -Verify 2 \
        -verify_return_error -cert "$1/domain.crt" -cert_chain "$1/domain.crt" \
        -key "$1/domain.key" -pass "pass:$2" -CAfile "$1/CA/rootCA.crt" \
        > "$temporary/server.log" 2>&1 &
    server=$!
    for _ in $(seq 50); do
        # Строка может быть ещё не дописана: порт в ней есть, когда она кончена.
        if [ -z "$(tail -c 1 "$temporary/server.log")" ]; then
            port=$(sed -n 's/^ACCEPT 127\.0\.0\.1:\([0-9]*\).*/\1/p' "$temporary/server.log")
        fi
        if [ -n "$port" ]; then
            break
        fi
        sleep 0.1
    done
    if [ -n "$port" ]; then
        # Ответ перевёрнутой строкой: в TLS 1.3 клиент узнаёт об отказе сервера последним.
        (echo gnip-1; sleep 1; echo Q) | openssl s_client -connect "127.0.0.1:$port" -tls1_3 \
            -alpn supertext/1 -servername supertext-server -verify_hostname supertext-server \
            -verify_return_error -CAfile "$1/CA/rootCA.crt" -cert "$1/client.crt" \
            -key "$1/client.key" -pass "pass:$2" \
            > "$temporary/client.log" 2> "$temporary/client.errors" && result=0
        grep -q 'ALPN protocol: supertext/1' "$temporary/client.log" || result=1
        grep -q '1-ping' "$temporary/client.log" || result=1
    fi
    kill "$server" 2> /dev/null || true
    wait "$server" 2> /dev/null || true
    cat "$temporary/server.log" "$temporary/client.errors"
    return "$result"
}

# Проверяет готовый набор в папке $1; $2 = пароль ключей или пусто.
check_set() {
    local dir=$1 password=$2 ca=$1/CA/rootCA.crt
    expect "domain.crt is signed by the CA, for a server" \
        openssl verify -x509_strict -purpose sslserver -verify_hostname supertext-server \
        -CAfile "$ca" "$dir/domain.crt"
    expect_refusal "domain.crt does not fit another name" \
        openssl verify -verify_hostname example.org -CAfile "$ca" "$dir/domain.crt"
    expect_refusal "domain.crt is not for a client" \
        openssl verify -purpose sslclient -CAfile "$ca" "$dir/domain.crt"
    expect "client.crt is signed by the CA, for a client" \
        openssl verify -x509_strict -purpose sslclient -CAfile "$ca" "$dir/client.crt"
    expect "client.crt serves for a server too" \
        openssl verify -purpose sslserver -verify_hostname supertext-client \
        -CAfile "$ca" "$dir/client.crt"
    expect_refusal "client.crt cannot pass for the server" \
        openssl verify -verify_hostname supertext-server -CAfile "$ca" "$dir/client.crt"
    expect "extensions of the CA" extensions_are "$ca" \
        "X509v3 Basic Constraints: critical CA:TRUE X509v3 Key Usage: critical Certificate Sign "
    local leaf="X509v3 Basic Constraints: critical CA:FALSE X509v3 Key Usage: critical"
    leaf="$leaf Digital Signature X509v3 Extended Key Usage:"
    expect "extensions of domain.crt" extensions_are "$dir/domain.crt" "$leaf\
 TLS Web Server Authentication X509v3 Subject Alternative Name: DNS:supertext-server "
    expect "extensions of client.crt" extensions_are "$dir/client.crt" "$leaf\
 TLS Web Client Authentication, TLS Web Server Authentication\
 X509v3 Subject Alternative Name: DNS:supertext-client "
    expect "the CA lives 10 years" ends_in_days "$ca" 3650
    expect "domain.crt lives 825 days" ends_in_days "$dir/domain.crt" 825
    expect "client.crt lives 825 days" ends_in_days "$dir/client.crt" 825
    expect "domain.crt is the leaf, then the CA" chain_is "$dir/domain.crt" "$ca"
    expect "client.crt is the leaf, then the CA" chain_is "$dir/client.crt" "$ca"
    expect "domain.key fits domain.crt" same_key "$dir/domain.crt" "$dir/domain.key" "$password"
    expect "client.key fits client.crt" same_key "$dir/client.crt" "$dir/client.key" "$password"
    expect "domain.key is P-256" algorithm_is "$dir/domain.key" "$password" "NIST CURVE: P-256"
    expect "client.key is Ed25519" algorithm_is "$dir/client.key" "$password" "ED25519"
    expect "rootCA.key is encrypted" encrypted_as_agreed "$dir/CA/rootCA.key"
    for name in domain client; do
        if [ -n "$password" ]; then
            expect "$name.key is encrypted" encrypted_as_agreed "$dir/$name.key"
            expect_refusal "$name.key does not open with a wrong password" \
                openssl pkey -in "$dir/$name.key" -passin pass:wrong -noout
        else
            expect "$name.key is open, PKCS#8" grep -q '^-----BEGIN PRIVATE KEY' "$dir/$name.key"
        fi
        expect "$name.key can be read by its owner only" mode_is "$dir/$name.key" 600
    done
    expect "rootCA.key can be read by its owner only" mode_is "$dir/CA/rootCA.key" 600
    expect "handshake: TLS 1.3, both certificates, ALPN supertext/1" handshake "$dir" "$password"
}

# Сумма всех файлов папки $1: по ней видно, что отказ ничего не тронул.
folder_sum() {
    find "$1" -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum
}

# Проверяет отказы: готовое не перезаписывается, без паролей и без файлов ничего не делается.
check_refusals() {
    local dir=$1 before
    before=$(folder_sum "$dir")
    expect_refusal "a CA is not overwritten" bash "$dir/CA/create_cert.sh"
    expect_refusal "domain.key is not overwritten" bash "$dir/create_key_csr.sh"
    expect_refusal "client.key is not overwritten" bash "$dir/create_key_csr.sh" client
    expect_refusal "an unknown word is refused" bash "$dir/create_key_csr.sh" other
    expect_refusal "a wrong password of the CA is refused" \
        env CA_PASSWORD=wrong bash "$dir/create_certificate.sh"
    expect "none of that changed a file" [ "$before" = "$(folder_sum "$dir")" ]

    local empty=$temporary/empty
    copy_scripts "$empty"
    before=$(folder_sum "$empty")
    expect_refusal "no certificate without a CA" bash "$empty/create_certificate.sh"
    expect_refusal "no CA without a password, no terminal" \
        env -u CA_PASSWORD bash "$empty/CA/create_cert.sh" < /dev/null
    expect_refusal "no key without an answer, no terminal" \
        env -u KEY_PASSWORD bash "$empty/create_key_csr.sh" < /dev/null
    expect "none of that left a file" [ "$before" = "$(folder_sum "$empty")" ]

    # Ключ клиента не Ed25519: CSR с ключом сервера под именем клиента.
    mkdir "$empty/other"
    cp -R "$dir/." "$empty/other/"
    cp "$dir/domain.csr" "$empty/other/client.csr"
    expect_refusal "a client key that is not Ed25519 is refused" \
        bash "$empty/other/create_client_certificate.sh"
}

# Печатает отпечатки набора в папке $1: SHA-256 от DER, как их пишет программа.
print_fingerprints() {
    for file in CA/rootCA.crt domain.crt client.crt; do
        openssl x509 -in "$1/$file" -outform DER > "$temporary/der"
        echo "  $(sha256sum < "$temporary/der" | cut -d ' ' -f 1)  $file"
    done
}

# Печатаемый сценарием отпечаток CA обязан совпасть с SHA-256 от DER.
fingerprint_printed() {
    local wanted
    wanted=$(openssl x509 -in "$1/CA/rootCA.crt" -outform DER | sha256sum | cut -d ' ' -f 1)
    grep -q "fingerprint $wanted" "$2"
}

# Все проверки: набор без пароля, набор с паролем, отказы.
check_all() {
    local dir=$temporary/open
    for password in "" "pass word: пароль \$1 'x\" #"; do
        if [ -n "$password" ]; then
            dir=$temporary/encrypted
        fi
        copy_scripts "$dir"
        echo "certificates: a set of ${dir##*/} keys"
        expect "the scripts run from another folder" run_scripts "$dir" "$password"
        cp "$temporary/log" "$temporary/run.log"
        expect "the fingerprint of the CA is printed" \
            fingerprint_printed "$dir" "$temporary/run.log"
        check_set "$dir" "$password"
        print_fingerprints "$dir"
    done
    echo "certificates: refusals"
    check_refusals "$dir"
    echo "certificates: make"
    expect "a set for other tests" make_set "$temporary/made" "some password"
    for file in server/cert/domain.key server/cert/domain.crt client/cert/client.key \
        client/cert/client.crt client/cert/rootCA.crt; do
        expect "made $file" test -s "$temporary/made/$file"
    done
}

if ! command -v openssl > /dev/null; then
    echo "certificates: openssl is not installed" >&2
    exit 1
fi
temporary=$(mktemp -d)
case "${1:-}" in
make)
    make_set "${2:?usage: tests/certificates.sh make DIR [password]}" "${3:-}"
    ;;
"")
    check_all
    if [ "$faults" -ne 0 ]; then
        echo "certificates: $faults faults"
        exit 1
    fi
    echo "certificates: ok"
    ;;
*)
    echo "usage: tests/certificates.sh [make DIR [password]]" >&2
    exit 2
    ;;
esac
