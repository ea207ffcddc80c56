#!/usr/bin/env bash
# Makes a key and a certificate request: domain.key + domain.csr, or client.key + client.csr.
# Делает ключ и запрос на сертификат: domain.key + domain.csr или client.key + client.csr.
#
# Запуск:  bash create_key_csr.sh            на машине сервера
#          bash create_key_csr.sh client     на машине клиента
# Пароль к ключу: из переменной KEY_PASSWORD (пустая = без пароля), а без неё будет вопрос.
# Скрипту не нужны другие файлы: его одного можно перенести на удалённый сервер.
set -euo pipefail
cd "$(dirname "$0")"
umask 077

# Печатает причину и заканчивает работу с ошибкой.
die() {
    echo "create_key_csr.sh: $*" >&2
    exit 1
}

# Спрашивает пароль два раза и кладёт его в KEY_PASSWORD.
ask_password() {
    local again
    if [ ! -t 0 ]; then
        die "no terminal to ask for a password: set KEY_PASSWORD (empty = key without password)"
    fi
    read -r -s -p "Password for $name.key (Enter = no password): " KEY_PASSWORD
    echo
    if [ -z "$KEY_PASSWORD" ]; then
        return
    fi
    read -r -s -p "The same password again: " again
    echo
    if [ "$KEY_PASSWORD" != "$again" ]; then
        die "the two passwords differ, nothing was made"
    fi
}

# Ключ клиента обязан быть Ed25519: это сама личность человека, из неё получается его id.
case "${1:-server}" in
server)
    name=domain
    subject=/CN=supertext-server
    algorithm=(-algorithm EC -pkeyopt ec_paramgen_curve:P-256)
    ;;
client)
    name=client
    subject=/CN=supertext-client
    algorithm=(-algorithm ED25519)
    ;;
*)
    die "usage: bash create_key_csr.sh [server|client]"
    ;;
esac

if [ -e "$name.key" ]; then
    die "$name.key is already here, it is never overwritten; move it away to make a new one"
fi
if [ -z "${KEY_PASSWORD+set}" ]; then
    ask_password
fi
export KEY_PASSWORD

work=$(mktemp -d ./new.XXXXXX)
trap 'rm -rf "$work"' EXIT

# Свои настройки вместо openssl.cnf системы: имя задано здесь, больше в запросе ничего нет.
printf '[req]\ndistinguished_name = name\n[name]\n' > "$work/settings"
# Ключ, которому положен пароль, без пароля на диск не попадает: он только в памяти сценария.
plain=$(openssl genpkey "${algorithm[@]}" 2> "$work/log") \
    || die "openssl genpkey failed: $(cat "$work/log")"
printf '%s\n' "$plain" | openssl req -new -config "$work/settings" -subj "$subject" \
    -key /dev/stdin -out "$work/$name.csr"
if [ -n "$KEY_PASSWORD" ]; then
    # PBES2: PBKDF2-HMAC-SHA256 и AES-256-CBC; именно это умеет читать программа.
    printf '%s\n' "$plain" | openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA256 \
        -iter 100000 -out "$work/$name.key" -passout env:KEY_PASSWORD
    protection="with a password"
else
    printf '%s\n' "$plain" > "$work/$name.key"
    protection="without a password"
fi

chmod 600 "$work/$name.key"
chmod 644 "$work/$name.csr"
mv "$work/$name.key" "$name.key"
mv "$work/$name.csr" "$name.csr"

echo "Done: $PWD/$name.key ($protection) and $PWD/$name.csr"
if [ "$name" = domain ]; then
    echo "  domain.key  stays on the server machine, secret: <server home>/cert/domain.key"
    echo "  domain.csr  goes to the machine with the CA, into its cert/ folder;"
    echo "              there run: bash create_certificate.sh"
else
    echo "  client.key  stays with its owner, secret: <client home>/cert/client.key"
    echo "  client.csr  goes to the machine with the CA, into its cert/ folder;"
    echo "              there run: bash create_client_certificate.sh"
fi
if [ -n "$KEY_PASSWORD" ]; then
    echo "  The program takes the password from the variable SUPERTEXT_KEY_PASSWORD."
fi
