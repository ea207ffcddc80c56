#!/usr/bin/env bash
# Makes client.crt from client.csr, signed by the CA of CA/.
# Выпускает client.crt из client.csr, подписанный центром из CA/.
#
# Запуск:  bash create_client_certificate.sh
# Выпуск устроен одинаково для сервера и клиента, поэтому работа вся в create_certificate.sh.
set -euo pipefail
cd "$(dirname "$0")"
exec bash ./create_certificate.sh client
