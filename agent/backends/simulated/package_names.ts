/**
 * What is installed on simulated hosts: name, size in KiB, words. The names are those that administrators know; all
 * versions, sizes and advisories around them are invented. A name with slashes is apt/rpm/apk/pacman's own.
 */
export const everywhere = `
linux-image-amd64/kernel/linux-lts/linux 71000 Linux kernel
libc6/glibc/musl/glibc 12900 C library
systemd/systemd/openrc/systemd 11200 system and service manager
openssl 2400 Secure Sockets Layer toolkit
libssl3/openssl-libs/libssl3/openssl-libs 6100 cryptographic library
openssh-server 1900 secure shell server
openssh-client/openssh-clients/openssh-client/openssh-clients 4600 secure shell client
sudo 6100 run programs as another user
bash 7300 GNU Bourne again shell
coreutils 18100 GNU core utilities
curl 520 command line tool for URLs
libcurl4/libcurl/libcurl/libcurl 890 library for URLs
ca-certificates 390 common CA certificates
tzdata 2300 time zone data
gnupg 890 GNU privacy guard
libgnutls30/gnutls/gnutls/gnutls 3100 TLS library
zlib1g/zlib/zlib/zlib 170 compression library
xz-utils/xz/xz/xz 1500 XZ compression utilities
gzip 250 GNU compression
tar 3100 GNU archiver
less 330 pager
vim 4200 editor
nano 2900 editor
rsync 790 fast remote copy
wget 3900 retrieve files from the web
git 46800 distributed revision control
perl 700 Perl interpreter
python3 90 Python interpreter
libpython3.11-stdlib/python3-libs/python3-libs/python-libs 8700 Python standard library
python3-requests 270 HTTP for Python
python3-cryptography 2300 cryptography for Python
libxml2 1900 XML library
libxslt1.1/libxslt/libxslt/libxslt 480 XSLT library
libexpat1/expat/expat/expat 420 XML parser
libsqlite3-0/sqlite-libs/sqlite-libs/sqlite 1700 SQL database library
libpam-modules/pam/linux-pam/pam 1100 pluggable authentication
libkrb5-3/krb5-libs/krb5-libs/krb5 1100 Kerberos library
libldap2/openldap/libldap/libldap 570 LDAP library
libsystemd0/systemd-libs/elogind/systemd-libs 1000 systemd library
dbus 590 message bus
udev/systemd-udev/eudev/systemd-udev 9700 device manager
iproute2/iproute/iproute2/iproute2 3500 network tools
iptables 3400 packet filter
nftables 170 packet filter
chrony 640 time synchronisation
cron/cronie/dcron/cronie 250 periodic jobs
rsyslog 1800 log daemon
logrotate 160 log rotation
bind9-host/bind-utils/bind-tools/bind 150 DNS lookup tools
libarchive13/libarchive/libarchive/libarchive 960 archive library
libnghttp2-14/libnghttp2/nghttp2-libs/libnghttp2 230 HTTP/2 library
libssh2-1/libssh2/libssh2/libssh2 390 SSH2 library
libgcrypt20/libgcrypt/libgcrypt/libgcrypt 1400 cryptographic library
p11-kit 1100 PKCS 11 toolkit
lvm2 4300 logical volume manager
e2fsprogs 1500 ext4 utilities
util-linux 4600 system utilities
passwd/shadow-utils/shadow/shadow 2900 password tools
libcap2/libcap/libcap2/libcap 90 capabilities library
libzstd1/libzstd/zstd-libs/zstd 770 compression library
liblz4-1/lz4-libs/lz4-libs/lz4 160 compression library
file 120 file type tool
procps/procps-ng/procps-ng/procps-ng 1400 process tools
tmux 1100 terminal multiplexer
jq 110 JSON processor
unzip 390 archive tool
strace 2000 system call tracer
tcpdump 1400 packet capture
lsof 480 open files
ethtool 800 network driver tool
smartmontools 2300 disk health
`;

/** More of the same for what the host is there for. */
export const roles: Readonly<Record<string, string>> = {
  web: `
nginx 1700 web server
nginx-common/nginx-core/nginx-openrc/nginx-mainline 240 web server files
php-fpm 7800 PHP process manager
php-cli 4900 PHP command line
php-xml 480 PHP XML
php-mbstring 1900 PHP strings
libjpeg62-turbo/libjpeg-turbo/libjpeg-turbo/libjpeg-turbo 420 JPEG library
libpng16-16/libpng/libpng/libpng 370 PNG library
libwebp7/libwebp/libwebp/libwebp 540 WebP library
imagemagick 1100 image tools
certbot 490 certificate client
`,
  database: `
postgresql 15800 SQL database server
postgresql-client/postgresql-client/postgresql-client/postgresql-libs 1900 SQL database client
libpq5/libpq/libpq/libpq 680 SQL database library
mariadb-server 18800 SQL database server
mariadb-client 3700 SQL database client
redis-server/redis/redis/redis 2400 key-value store
pgbackrest 1300 database backup
`,
  containers: `
podman 52000 container engine
buildah 29000 container builder
skopeo 21000 container images
runc 9800 container runtime
crun 900 container runtime
containers-common 300 container configuration
conmon 180 container monitor
fuse-overlayfs 110 overlay file system
slirp4netns 80 user-mode networking
`,
  monitoring: `
prometheus 98000 metrics server
prometheus-node-exporter/node_exporter/prometheus-node-exporter/prometheus-node-exporter 12000 host metrics
prometheus-alertmanager/alertmanager/alertmanager/alertmanager 31000 alerts
grafana 310000 dashboards
loki 71000 log store
fontconfig 560 fonts
libcairo2/cairo/cairo/cairo 1300 drawing library
`,
  mail: `
postfix 4100 mail server
dovecot-core/dovecot/dovecot/dovecot 9800 mailbox server
spamassassin 3300 spam filter
clamav 30100 virus scanner
opendkim 620 mail signing
bind9/bind/bind/bind-server 1100 DNS server
libmilter1.0.1/sendmail-milter/libmilter/libmilter 90 mail filter library
`,
  minimal: "",
};
