#!/usr/bin/env bash
# Makes a certificate signed by the CA of CA/: domain.crt from domain.csr (client.crt likewise).
# Выпускает сертификат, подписанный центром из CA/: domain.crt из domain.csr (и так же client.crt).
#
# Запуск:  bash create_certificate.sh            для сервера
#          bash create_certificate.sh client     для клиента, через create_client_certificate.sh
# Пароль к ключу CA: из переменной CA_PASSWORD, а без неё openssl его спросит.
set -euo pipefail
cd "$(dirname "$0")"
umask 077

# Печатает причину и заканчивает работу с ошибкой.
die() {
    echo "create_certificate.sh: $*" >&2
    exit 1
}

# Имя в SAN постоянное: его сверяет каждая программа, каким бы ни был адрес машины.
case "${1:-server}" in
server)
    name=domain
    alternative=DNS:supertext-server
    usage=serverAuth
    home="<server home>"
    ;;
client)
    name=client
    alternative=DNS:supertext-client
    usage=clientAuth,serverAuth
    home="<client home>"
    ;;
*)
    die "usage: bash create_certificate.sh [server|client]"
    ;;
esac

for file in CA/rootCA.key CA/rootCA.crt; do
    if [ ! -e "$file" ]; then
        die "$file is not here: first run bash CA/create_cert.sh"
    fi
done
if [ ! -e "$name.csr" ]; then
    die "$name.csr is not here: first run bash create_key_csr.sh ${1:-server}"
fi
if [ "$name" = client ]; then
    request=$(openssl req -in client.csr -noout -text)
    case "$request" in
    *ED25519*) ;;
    *) die "the key in client.csr is not Ed25519: make it by bash create_key_csr.sh client" ;;
    esac
fi

password=()
if [ -n "${CA_PASSWORD:-}" ]; then
    export CA_PASSWORD
    password=(-passin env:CA_PASSWORD)
elif [ ! -t 0 ]; then
    die "no terminal to ask for the password of the CA key: set CA_PASSWORD"
fi

work=$(mktemp -d ./new.XXXXXX)
trap 'rm -rf "$work"' EXIT

cat > "$work/settings" <<END
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = $usage
subjectAltName = $alternative
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
END

openssl x509 -req -sha256 -days 825 -set_serial "0x$(openssl rand -hex 16)" \
    -in "$name.csr" -CA CA/rootCA.crt -CAkey CA/rootCA.key ${password[@]+"${password[@]}"} \
    -extfile "$work/settings" -out "$work/leaf.crt" \
    || die "no certificate was made; was the password of the CA key right?"

# В файле цепочка: сначала сам сертификат, за ним сертификат CA.
openssl x509 -in "$work/leaf.crt" > "$work/$name.crt"
openssl x509 -in CA/rootCA.crt >> "$work/$name.crt"
chmod 644 "$work/$name.crt"
mv "$work/$name.crt" "$name.crt"

echo "Done: $PWD/$name.crt"
echo "  $name.crt and $name.key  go together: $home/cert/$name.crt, $home/cert/$name.key"
if [ "$name" = client ]; then
    echo "  CA/rootCA.crt  goes beside them: $home/cert/rootCA.crt"
else
    echo "  CA/rootCA.crt  goes to every client: <client home>/cert/rootCA.crt"
fi
