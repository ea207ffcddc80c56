#!/usr/bin/env bash
# Makes the certification authority (CA): rootCA.key (secret) and rootCA.crt (public).
# Делает центр сертификации (CA): rootCA.key (секрет) и rootCA.crt (открытый).
#
# Запуск:  bash create_cert.sh
# Пароль к ключу: из переменной CA_PASSWORD, а без неё openssl спросит его два раза.
set -euo pipefail
cd "$(dirname "$0")"
umask 077

# Печатает причину и заканчивает работу с ошибкой.
die() {
    echo "create_cert.sh: $*" >&2
    exit 1
}

# Готовые файлы не трогаем: чужие программы уже запомнили отпечаток этого CA.
for file in rootCA.key rootCA.crt; do
    if [ -e "$file" ]; then
        die "$file is already here, it is never overwritten; move it away to make a new CA"
    fi
done

password=()
if [ -n "${CA_PASSWORD:-}" ]; then
    export CA_PASSWORD
    password=(-passout env:CA_PASSWORD)
elif [ ! -t 0 ]; then
    die "no terminal to ask for the password of the CA key: set CA_PASSWORD"
fi

work=$(mktemp -d ./new.XXXXXX)
trap 'rm -rf "$work"' EXIT

cat > "$work/settings" <<'END'
[req]
distinguished_name = name
prompt = no
[name]
CN = Supertext CA
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
subjectKeyIdentifier = hash
END

# Ключ без пароля живёт только в памяти этого сценария и на диск не попадает.
plain=$(openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 2> "$work/log") \
    || die "openssl genpkey failed: $(cat "$work/log")"
printf '%s\n' "$plain" | openssl req -x509 -new -sha256 -days 3650 -config "$work/settings" \
    -extensions ca -key /dev/stdin -out "$work/rootCA.crt"
if [ ${#password[@]} -eq 0 ]; then
    echo "Think of a password for the key of the CA; it is asked twice. Do not forget it."
fi
# Ключ CA шифруется крепче обычного (-iter): он самый ценный и нужен редко.
printf '%s\n' "$plain" | openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA256 \
    -iter 600000 -out "$work/rootCA.key" ${password[@]+"${password[@]}"} \
    || die "no CA was made; were the two passwords the same, at least 4 characters long?"

chmod 600 "$work/rootCA.key"
chmod 644 "$work/rootCA.crt"
mv "$work/rootCA.key" rootCA.key
mv "$work/rootCA.crt" rootCA.crt

fingerprint=$(openssl x509 -in rootCA.crt -noout -fingerprint -sha256)
fingerprint=$(echo "${fingerprint#*=}" | tr -d ':' | tr 'A-F' 'a-f')
echo "Done: $PWD/rootCA.key and $PWD/rootCA.crt"
echo "  rootCA.key  stays here; keep it secret, give it to nobody"
echo "  rootCA.crt  goes to every client: <client home>/cert/rootCA.crt"
echo "  fingerprint $fingerprint"
