#!/bin/sh
# Makes what compose.yaml needs in ./secrets and is not there yet: a key, a password for the database, and a certificate
# for it with an authority of its own. Each file belongs to the user who reads it; nobody else can.
set -eu
umask 077
cd "$(dirname "$0")"
mkdir -p secrets
cd secrets

[ -e secret-key ] || openssl rand -base64 32 > secret-key
[ -e database-password ] || openssl rand -hex 24 > database-password
[ -e store-url ] ||
  printf 'postgres://aifi:%s@database/aifi?sslmode=verify-full\n' "$(cat database-password)" > store-url

if [ ! -e database-authority ]; then
  curve='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
  openssl req -x509 $curve -days 3650 -subj '/CN=aifi-customer-mcp database' \
    -keyout authority-key -out database-authority 2> /dev/null
  openssl req $curve -subj '/CN=database' -keyout database-key -out request 2> /dev/null
  printf 'subjectAltName=DNS:database\nextendedKeyUsage=serverAuth\n' > extensions
  openssl x509 -req -in request -CA database-authority -CAkey authority-key -set_serial 1 -days 3650 \
    -extfile extensions -out database-certificate 2> /dev/null
  # Nobody can make a second certificate that the replicas would trust.
  rm authority-key request extensions
fi
# There is nothing in them to hide.
chmod 644 database-certificate database-authority

for file in aifi-token oidc-client-secret; do
  [ -e "$file" ] || echo "secrets/$file is yours to put there (docs/operate.md)." >&2
done
# Whom each file is for, by number: 65532 is the user of our image, 999 that of postgres.
give() {
  [ ! -e "$2" ] || chown "$1" "$2" 2> /dev/null || echo "secrets/$2 has to belong to user $1: run this with sudo." >&2
}
for file in aifi-token oidc-client-secret secret-key store-url; do give 65532 "$file"; done
for file in database-password database-key; do give 999 "$file"; done
