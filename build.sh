#!/usr/bin/env bash
# One entry for everything: set-up of the machine, build, checks, tests, a first try of Supertext.
# Единый вход: подготовка машины, сборка, проверки, тесты и первая проба Supertext.
#
# Каждое слово (./build.sh СЛОВО) — строка таблицы WORDS и функция word_СЛОВО. Подготовка ставит
# через apt только то, чего нет, и говорит зачем; вопросов не задаёт. Работает из любой папки.
# shellcheck disable=SC2317  # функции слов зовутся по имени из таблицы
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
project=$PWD
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")

# слово | что должно быть на машине | лишние слова: - нельзя, + передаются дальше | описание
WORDS=(
    'run|rust window|+|build, start a server, the Echo contact and the client, all in run/'
    'test|rust lint window screen openssl tshark lab|-|every check and test; the same is run by .ci/run'
    'build|rust window|-|release build: target/release/supertext, supertext-server'
    'check|rust lint window|-|format, clippy, rules of style, licences'
    'release|rust window|-|build and pack: target/release-package/*.tar.gz, SHA256SUMS'
    'cert|openssl|-|make certificates by hand in cert/, step by step'
    'bench|rust window|+|release build, then measurements (default: all)'
    'windows|windows|-|build for Windows: target/windows/*.exe (docs/windows.md)'
    'windows-test|windows wine screen|+|the same, then try the programs under wine'
    'fuzz|rust|-|every fuzz target for 60 seconds (FUZZ_SECONDS)'
    'soak|rust window|-|long tests: simulator with 5000 seeds (SUPERTEXT_SIM_SEEDS)'
    'help||-|this list'
)

# Наборы пакетов с Rust: компилятор, cargo, clippy, rustfmt. Годится первый достаточно новый.
# rustc-web лежит в обновлениях безопасности Debian 12, его держат свежим ради браузеров.
RUST_PACKAGES=(
    'rustc-web cargo-web rust-web-clippy rustfmt-web'
    'rustc cargo rust-clippy rustfmt'
)

# Сколько гигабайт должно быть свободно для испытаний: сборка и их файлы.
TEST_DISK_GIB=6

# Испытания, которые больше ждут (часов, сетей), чем считают: идут рядом с прочими.
PATIENT_TESTS='e2e_contacts e2e_doctor e2e_door e2e_full_disk e2e_lan e2e_life'
PATIENT_TESTS+=' e2e_mapping e2e_nat e2e_raw e2e_third_lab lab_nat'

# Что нужно окну: заголовки, с которыми собирается FLTK, и зачем они.
WINDOW_PACKAGES=(
    'g++|C++ compiler: the window library is built from its own source'
    'make|builds that library'
    'libpango1.0-dev|text of the window: every script, emoji'
    'libxinerama-dev|the window on several screens'
    'libxcursor-dev|pointers of the mouse'
    'libxfixes-dev|clipboard of the window'
)
# Что нужно испытаниям в настоящем окне.
SCREEN_PACKAGES=(
    'xvfb|a screen in memory, for the tests of the window'
    'openbox|a window manager for that screen'
    'xdotool|keys and mouse for the tests of the window'
    'xclip|clipboard for the tests of the window'
    'x11-xkb-utils|layouts of the keyboard for the tests of the window'
    'imagemagick|pictures of the window and their comparison'
    'dbus|a session bus, for the tests of notifications'
    'dunst|shows notifications in those tests'
    'fonts-noto-core|Latin and Cyrillic letters in the pictures'
    'fonts-noto-cjk|Chinese letters in the pictures'
    'fonts-noto-color-emoji|emoji in the pictures'
)
# Что нужно для сборки программ Windows здесь же, в Debian. Стандартная библиотека Rust для Windows
# собирается из исходников того же компилятора, поэтому он нужен именно этот.
WINDOWS_RUST_PACKAGES=(
    'rustc-web|the compiler that fits the sources below'
    'cargo-web|its build tool'
    'rust-web-src|sources of the standard library, built for Windows'
)
WINDOWS_PACKAGES=(
    'g++-mingw-w64-x86-64-posix|C, C++ and resource compilers, linker and libraries of Windows'
    'gcc|C compiler of this machine: build scripts'
    'libc6-dev|headers of the C library: build scripts'
    'make|builds the window library'
    'git|the window library applies its patch with it'
    'ca-certificates|to fetch the libraries over HTTPS'
)
# Где их пробовать.
WINE_PACKAGES=(
    'wine64|runs the programs for Windows'
)
# Для какой системы собираются программы Windows.
WINDOWS_TARGET=x86_64-pc-windows-gnu

# Библиотека окна собирается cmake не старше этого; в Debian 12 он старее.
CMAKE_LEAST=3.28

# Печатает строку о ходе работы.
say() {
    echo "build.sh: $*"
}

# Печатает причину и заканчивает работу с ошибкой.
die() {
    echo "build.sh: $*" >&2
    exit 1
}

# Печатает список слов из таблицы.
word_help() {
    local row word description
    echo "Supertext. Usage: ./build.sh WORD"
    for row in "${WORDS[@]}"; do
        IFS='|' read -r word _ _ description <<< "$row"
        printf '  %-12s %s\n' "$word" "$description"
    done
}

# ---- Подготовка машины -------------------------------------------------------------------------

# Удаётся, если версия $1 не меньше версии $2.
version_at_least() {
    [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]
}

# Печатает значение поля $1 из Cargo.toml: version или rust-version.
cargo_field() {
    sed -n "s/^$1 = \"\(.*\)\"/\1/p" Cargo.toml | head -n 1
}

# Ищет cargo и rustc нужной версии: в PATH, у rustup, от Debian. Печатает папку, где они лежат.
rust_find() {
    local wanted dir found
    wanted=$(cargo_field rust-version)
    for dir in "$(dirname "$(command -v cargo || true)")" "${HOME:-/root}/.cargo/bin" /usr/bin; do
        found=$("$dir/rustc" --version 2> /dev/null | cut -d ' ' -f 2) || continue
        if version_at_least "$found" "$wanted" && "$dir/cargo" --version > /dev/null 2>&1; then
            (cd "$dir" && pwd)
            return 0
        fi
    done
    return 1
}

# Удаётся, если есть сертификаты, по которым cargo доверяет адресам HTTPS.
have_certificates() {
    [ -s /etc/ssl/certs/ca-certificates.crt ] || [ -s /etc/pki/tls/certs/ca-bundle.crt ] \
        || [ -s /etc/ssl/cert.pem ]
}

# Удаётся, если есть заголовки C (и компилятор, чтобы их прочесть).
have_headers() {
    echo '#include <stdio.h>' | cc -E - > /dev/null 2>&1
}

# Печатает версию пакета $1, которую поставил бы apt, или ничего.
apt_candidate() {
    local version
    version=$(apt-cache policy "$1" 2> /dev/null | sed -n 's/^  Candidate: //p')
    if [ "$version" != "(none)" ]; then
        echo "${version%%[+-]*}"
    fi
}

# Печатает набор пакетов с Rust, годный по версии, или ничего.
rust_packages_find() {
    local row version wanted
    wanted=$(cargo_field rust-version)
    for row in "${RUST_PACKAGES[@]}"; do
        version=$(apt_candidate "${row%% *}")
        if [ -n "$version" ] && version_at_least "$version" "$wanted"; then
            echo "$row"
            return
        fi
    done
}

# Удаётся, если есть от чьего имени ставить пакеты.
can_root() {
    [ "$(id -u)" -eq 0 ] || command -v sudo > /dev/null
}

# Выполняет команду от имени администратора.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo > /dev/null; then
        sudo "$@"
    else
        die "this needs root and there is no sudo; as root run ./build.sh once, or: $*"
    fi
}

# apt-get без вопросов; ждёт, если им уже кто-то занят.
apt_get() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
        -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@"
}

# Обновляет списки пакетов, но не больше одного раза за запуск.
lists_fresh=no
lists_update() {
    if [ "$lists_fresh" = no ]; then
        say "apt-get update: the lists of packages are empty or old"
        apt_get update
        lists_fresh=yes
    fi
}

# Ставит пакеты $@; если списки устарели, обновляет их и пробует ещё раз.
packages_install() {
    local package
    for package in "$@"; do
        if [ -z "$(apt_candidate "$package")" ]; then
            lists_update
        fi
    done
    if ! apt_get install --no-install-recommends "$@"; then
        if [ "$lists_fresh" = yes ]; then
            die "apt-get could not install: $*"
        fi
        lists_update
        apt_get install --no-install-recommends "$@" || die "apt-get could not install: $*"
    fi
}

# Добавляет пакет $1 в список недостающих; $2 = зачем он нужен.
missing=()
miss() {
    say "missing: $1 ($2)"
    missing+=("$1")
}

# Решает, каких пакетов не хватает для Rust; ничего не ставит.
miss_rust() {
    local packages compiler cargo
    have_certificates || miss ca-certificates "to fetch the libraries over HTTPS"
    command -v cc > /dev/null || miss gcc "C compiler and linker: two libraries contain C and assembler"
    have_headers || miss libc6-dev "headers of the C library"
    if rust_find > /dev/null; then
        return
    fi
    if command -v apt-get > /dev/null && [ -z "$(rust_packages_find)" ]; then
        lists_update
    fi
    packages=$(rust_packages_find)
    if [ -z "$packages" ]; then
        die "no Rust $(cargo_field rust-version) or newer, neither here nor in the package lists" \
            "(Debian 12 has it as rustc-web in bookworm-security); install it and try again"
    fi
    read -r compiler cargo _ <<< "$packages"
    miss "$compiler" "Rust $(cargo_field rust-version) or newer, the compiler"
    miss "$cargo" "Rust, the build tool"
}

# Добавляет clippy и rustfmt, если Rust поставлен из пакетов Debian: к чужому Rust они не подходят.
miss_lint() {
    local dir row compiler clippy format
    dir=$(rust_find || echo /usr/bin)
    if [ "$dir" != /usr/bin ]; then
        return
    fi
    for row in "${RUST_PACKAGES[@]}"; do
        read -r compiler _ clippy format <<< "$row"
        case " ${missing[*]} $(dpkg-query -f '${Package}' -W "$compiler" 2> /dev/null) " in
        *" $compiler "*) ;;
        *) continue ;;
        esac
        if [ ! -e /usr/bin/cargo-clippy ] && [ -n "$(apt_candidate "$clippy")" ]; then
            miss "$clippy" "Rust linter, for the checks"
        fi
        if [ ! -e /usr/bin/cargo-fmt ] && [ -n "$(apt_candidate "$format")" ]; then
            miss "$format" "Rust formatter, for the checks"
        fi
        return
    done
}

# Печатает папку с cmake нужной версии: своего окружения проекта или из PATH.
cmake_find() {
    local dir found
    for dir in "$project/.venv/bin" "$(dirname "$(command -v cmake || true)")"; do
        found=$("$dir/cmake" --version 2> /dev/null | sed -n 's/^cmake version //p') || continue
        if [ -n "$found" ] && version_at_least "$found" "$CMAKE_LEAST"; then
            (cd "$dir" && pwd)
            return 0
        fi
    done
    return 1
}

# Добавляет недостающие пакеты из таблицы $@; установленное узнаётся у dpkg.
miss_packages() {
    local row package why
    for row in "$@"; do
        IFS='|' read -r package why <<< "$row"
        case "$(dpkg-query -f '${Status}' -W "$package" 2> /dev/null)" in
        *' installed') ;;
        *) miss "$package" "$why" ;;
        esac
    done
}

# Решает, чего не хватает окну: заголовков и cmake. Не на Debian об этом скажет сама сборка.
miss_window() {
    command -v apt-get > /dev/null || return 0
    miss_packages "${WINDOW_PACKAGES[@]}"
    miss_cmake
}

# Удаётся, если Rust в PATH уже умеет собирать для Windows (rustup target add).
windows_rust_ready() {
    local root
    root=$(rustc --print sysroot 2> /dev/null) && [ -d "$root/lib/rustlib/$WINDOWS_TARGET/lib" ]
}

# Решает, чего не хватает для сборки программ Windows.
miss_windows() {
    command -v apt-get > /dev/null || return 0
    windows_rust_ready || miss_packages "${WINDOWS_RUST_PACKAGES[@]}"
    miss_packages "${WINDOWS_PACKAGES[@]}"
    miss_cmake
}

# Решает, откуда взять cmake.
miss_cmake() {
    local version
    if cmake_find > /dev/null; then
        return
    fi
    version=$(apt_candidate cmake)
    if [ -n "$version" ] && version_at_least "$version" "$CMAKE_LEAST"; then
        miss cmake "builds the window library"
    else
        have_certificates || miss ca-certificates "to fetch cmake over HTTPS"
        command -v python3 > /dev/null || miss python3 "cmake $CMAKE_LEAST or newer comes through it"
        python3 -c 'import venv, ensurepip' 2> /dev/null \
            || miss python3-venv "cmake $CMAKE_LEAST or newer comes through it"
    fi
}

# Ставит cmake в окружение проекта (.venv), если пакеты Debian нужного не дали.
cmake_set_up() {
    if ! cmake_find > /dev/null; then
        command -v python3 > /dev/null || die "no cmake $CMAKE_LEAST or newer on this machine"
        say "cmake $CMAKE_LEAST or newer goes into .venv: Debian's own is older"
        python3 -m venv --clear "$project/.venv"
        "$project/.venv/bin/pip" install --quiet "cmake>=$CMAKE_LEAST,<5" \
            || die "cmake could not be installed into .venv"
    fi
    PATH=$(cmake_find):$PATH
    export PATH
}

# Готовит машину: $1 = чего требует слово (rust, lint, window, screen, openssl, tshark, lab).
set_up() {
    local need dir
    for need in $1; do
        case "$need" in
        rust) miss_rust ;;
        lint) miss_lint ;;
        window) miss_window ;;
        windows) miss_windows ;;
        wine) if command -v apt-get > /dev/null; then miss_packages "${WINE_PACKAGES[@]}"; fi ;;
        # Без экрана в памяти испытания окна пропускаются, а остальные идут.
        screen)
            if command -v apt-get > /dev/null && can_root; then
                miss_packages "${SCREEN_PACKAGES[@]}"
            fi
            ;;
        openssl) command -v openssl > /dev/null || miss openssl "certificates by hand" ;;
        # Испытание tests/wireshark.rs ловит пакеты и читает их настоящим tshark: видно, что на
        # проводе всё зашифровано. Вопроса о захвате без root apt_get не задаст; где пакет ставить
        # нечем или некому, там испытание захвата пропускается, а остальные идут.
        tshark)
            if command -v apt-get > /dev/null && can_root; then
                command -v tshark > /dev/null || miss tshark "the test of what the wire shows"
            fi
            ;;
        # Лаборатория (tests/lab): сеть из пространств имён. Где их нельзя, она пропускается.
        lab)
            if command -v apt-get > /dev/null && can_root; then
                command -v ip > /dev/null || miss iproute2 "a local network for the tests"
                command -v sysctl > /dev/null || miss procps "a local network for the tests"
                command -v nft > /dev/null || miss nftables "home routers for the tests"
                command -v python3 > /dev/null || miss python3 "probes and slow cables for the tests"
                # Настоящий роутер UPnP, PCP и NAT-PMP; сам он в системе не запускается.
                command -v miniupnpd > /dev/null || miss miniupnpd-nftables "a router that opens ports for the tests"
            fi
            ;;
        *) die "unknown need in the table of words: $need" ;;
        esac
    done
    if [ ${#missing[@]} -gt 0 ]; then
        if ! command -v apt-get > /dev/null; then
            die "this is not a Debian machine; install by its own means: ${missing[*]}"
        fi
        packages_install "${missing[@]}"
    fi
    case " $1 " in
    *" rust "*)
        dir=$(rust_find) || die "no usable Rust after the set-up; see the lines above"
        PATH=$dir:$PATH
        export PATH
        say "$("$dir/rustc" --version), $dir"
        ;;
    esac
    case " $1 " in
    *" window "* | *" windows "*) cmake_set_up ;;
    esac
}

# ---- Слова -------------------------------------------------------------------------------------

word_build() {
    cargo build --release --locked
}

# Проверки без сборки тестов: формат, clippy, лицензии.
lint() {
    if cargo fmt --version > /dev/null 2>&1; then
        say "cargo fmt"
        cargo fmt --check
    else
        say "skipped: no rustfmt on this machine, the format is not checked"
    fi
    if cargo clippy --version > /dev/null 2>&1; then
        say "cargo clippy"
        cargo clippy --all-targets --locked -- -D warnings
    else
        say "skipped: no clippy on this machine, it is not run"
    fi
    if command -v cargo-deny > /dev/null; then
        say "cargo deny"
        cargo deny --offline check licenses bans sources
    else
        say "skipped: no cargo-deny on this machine, licences are not checked"
    fi
}

word_check() {
    lint
    cargo test --locked --test style
}

# Проверяет, что в папке $1 хватит места. На полном диске падают случайные тесты, и причины не видно.
disk_ready() {
    local free
    free=$(df -Pk "$1" | awk 'NR == 2 { print int($4 / 1048576) }')
    if [ "$free" -lt "$TEST_DISK_GIB" ]; then
        die "the tests need $TEST_DISK_GIB GiB of free disk, $1 has $free: make room and start again"
    fi
}

# Правила стиля — один из тестов проекта, поэтому отдельно они здесь не запускаются.
# Тесты Rust идут последними: их итоговые строки остаются в конце вывода. Испытания, которые больше
# ждут, чем считают, идут рядом с прочими, их вывод печатается после.
word_test() {
    disk_ready "$project"
    disk_ready "${TMPDIR:-/tmp}"
    lint
    say "tests/certificates.sh"
    tests/certificates.sh
    say "cargo test"
    cargo test --locked --no-run
    local path name code=0 quick=() patient=() beside
    for path in tests/*.rs; do
        name=$(basename "$path" .rs)
        case " $PATIENT_TESTS " in
            *" $name "*) patient+=(--test "$name") ;;
            *) quick+=(--test "$name") ;;
        esac
    done
    cargo test --locked --no-fail-fast "${patient[@]}" > "$target/patient-tests.log" 2>&1 &
    beside=$!
    cargo test --locked --no-fail-fast --lib --bins "${quick[@]}" || code=$?
    wait "$beside" || code=$?
    cat "$target/patient-tests.log"
    return "$code"
}

word_bench() {
    word_build
    if [ $# -eq 0 ]; then
        set -- all
    fi
    "$target/release/supertext-bench" "$@"
}

word_soak() {
    export SUPERTEXT_SIM_SEEDS=${SUPERTEXT_SIM_SEEDS:-5000}
    say "soak with $SUPERTEXT_SIM_SEEDS seeds"
    cargo test --release --locked -- --ignored
}

# Программы для Windows. Сценарий сборки fltk-sys зовёт `git reset --hard` в папке своих исходников;
# не найди git своего хранилища там, он ушёл бы вверх и стёр несохранённое в этом проекте.
# GIT_CEILING_DIRECTORIES не пускает его выше папки cargo, а сама она для этой сборки своя.
word_windows() {
    local out=$target/windows options=() name
    mkdir -p "$out/cargo"
    (
        unset GIT_DIR GIT_WORK_TREE
        export CARGO_HOME=$out/cargo CARGO_TARGET_DIR=$out/build GIT_CEILING_DIRECTORIES=$out/cargo
        if ! windows_rust_ready; then
            PATH=$(cmake_find):/usr/bin:/bin
            # -Zbuild-std стабильный cargo даёт только с этой переменной.
            export RUSTC_BOOTSTRAP=1 PATH
            options=('-Zbuild-std=std,panic_abort,panic_unwind')
        fi
        say "$(rustc --version), $(command -v cargo), for $WINDOWS_TARGET"
        cargo build --release --locked "${options[@]}" --target "$WINDOWS_TARGET" \
            --bin supertext --bin supertext-server
    )
    cp "$out/build/$WINDOWS_TARGET/release/"supertext{,-server}.exe "$out/"
    # Двойник для консоли отличается от программы окна одним числом в заголовке.
    x86_64-w64-mingw32-objcopy --subsystem console "$out/supertext.exe" "$out/supertext.com"
    for name in supertext.exe supertext.com supertext-server.exe; do
        say "$out/$name"
    done
}

# Слова после windows-test — имена испытаний; без них идут все.
word_windows-test() {
    word_windows
    tests/windows.sh "$target/windows" "$@"
}

word_fuzz() {
    local name names
    if [ ! -d fuzz ]; then
        die "there is no fuzz/ folder in this version"
    fi
    if ! command -v cargo-fuzz > /dev/null; then
        die "no cargo-fuzz on this machine; get it by: cargo install --locked cargo-fuzz" \
            "(it needs g++ too), then try again"
    fi
    # Фаззеру нужны ключи компилятора, которые стабильный Rust даёт только с этой переменной.
    export RUSTC_BOOTSTRAP=1
    names=$(cargo fuzz list)
    for name in $names; do
        say "fuzz $name"
        cargo fuzz run "$name" -- "-max_total_time=${FUZZ_SECONDS:-60}"
    done
}

# Один шаг ручного способа: $1 = файл, который появится, дальше команда. Готовый файл остаётся.
cert_step() {
    local product=$1
    shift
    if [ -e "$product" ]; then
        say "kept: $product is already here"
    else
        say "step: bash $*"
        bash "$@"
    fi
}

word_cert() {
    cert_step cert/CA/rootCA.key cert/CA/create_cert.sh
    cert_step cert/domain.key cert/create_key_csr.sh
    cert_step cert/domain.crt cert/create_certificate.sh
    cert_step cert/client.key cert/create_key_csr.sh client
    cert_step cert/client.crt cert/create_client_certificate.sh
}

# Складывает выпуск в target/release-package: архив с программами и его контрольную сумму.
word_release() {
    local name out libraries
    word_build
    libraries=$(ldd "$target/release/supertext-server")
    case "$libraries" in
    *libX11* | *libfltk*) die "supertext-server is linked with a window library: $libraries" ;;
    esac
    name=supertext-$(cargo_field version)-$(uname -m)
    out=$target/release-package
    rm -rf "$out"
    mkdir -p "$out/$name/cert/CA" "$out/$name/downloads"
    cp "$target/release/supertext" "$target/release/supertext-server" "$out/$name/"
    cp -R README* CHANGELOG.md limits.txt docs "$out/$name/"
    cp cert/*.sh cert/README.md "$out/$name/cert/"
    cp cert/CA/*.sh "$out/$name/cert/CA/"
    find . -maxdepth 1 -name 'LICENSE*' -exec cp -R {} "$out/$name/" ';'
    (cd "$out/$name" && find . -type f -exec sha256sum {} + | sort -k 2 > ../sums)
    mv "$out/sums" "$out/$name/SHA256SUMS"
    tar -C "$out" --sort=name --owner=0 --group=0 --numeric-owner -czf "$out/$name.tar.gz" "$name"
    rm -rf "${out:?}/$name"
    (cd "$out" && sha256sum "$name.tar.gz" > SHA256SUMS)
    say "release: $out/$name.tar.gz"
    cat "$out/SHA256SUMS"
}

# ---- Слово run: сервер, Эхо и клиент в папке run/ ----------------------------------------------

# Номера запущенных процессов, пусто = не запущен. Порядок остановки: клиент, Эхо, сервер.
client_pid=
echo_pid=
server_pid=

# Просит процесс $1 закончить и ждёт до 10 секунд, потом обрывает.
process_stop() {
    local pid=$1
    kill -TERM "$pid" 2> /dev/null || return 0
    for _ in $(seq 100); do
        kill -0 "$pid" 2> /dev/null || return 0
        sleep 0.1
    done
    say "process $pid does not end by itself, killed"
    kill -KILL "$pid" 2> /dev/null || true
}

# Останавливает всё, что запустило слово run. Вызывается при любом выходе.
run_stop() {
    local pid
    for pid in $client_pid $echo_pid $server_pid; do
        process_stop "$pid"
    done
    rm -f run/client.pid run/echo.pid run/server.pid
}

# Убирает оставшееся от прошлого запуска, если его оборвали (kill -9, отключение терминала).
# Чужой процесс с тем же номером не трогаем: сверяется папка в его командной строке.
leftover_stop() {
    local name pid
    for name in client echo server; do
        pid=$(cat "run/$name.pid" 2> /dev/null) || continue
        case "$(tr '\0' ' ' 2> /dev/null < "/proc/$pid/cmdline")" in
        *" --home $project/run/$name "*)
            say "the last run left its $name behind (process $pid), it is stopped now"
            process_stop "$pid"
            ;;
        esac
        rm -f "run/$name.pid"
    done
}

# Запускает сервер на порту $1 (0 = любой) и ждёт его строк READY и JOIN.
server_start() {
    : > run/server.log
    setsid "$target/release/supertext-server" --home "$project/run/server" \
        --listen "127.0.0.1:$1" < /dev/null > run/server.log 2>&1 9>&- &
    server_pid=$!
    echo "$server_pid" > run/server.pid
    for _ in $(seq 300); do
        if grep -Eq '^JOIN .+#[0-9a-f]{64}$' run/server.log; then
            return 0
        fi
        kill -0 "$server_pid" 2> /dev/null || break
        sleep 0.1
    done
    process_stop "$server_pid"
    server_pid=
    return 1
}

# Печатает id контакта Echo, 14 цифр; неудача, если личности в его папке ещё нет.
echo_id() {
    local answer
    answer=$("$target/release/supertext" id --home "$project/run/echo" --json \
        2> /dev/null < /dev/null) || return 1
    [[ $answer =~ \"id\":[[:space:]]*\"([0-9]{14})\" ]] || return 1
    echo "${BASH_REMATCH[1]}"
}

# Запускает контакт Echo на сервере $1. Личность ему делает команда id, ещё до запуска; если нет,
# её делает сам Echo, и id спрашивается, пока не появится.
echo_start() {
    id=$(echo_id) || id=
    setsid "$target/release/supertext" echo --home "$project/run/echo" --server "$1" \
        --name Echo < /dev/null > run/echo.log 2>&1 9>&- &
    echo_pid=$!
    echo "$echo_pid" > run/echo.pid
    for _ in $(seq 100); do
        sleep 0.1
        kill -0 "$echo_pid" 2> /dev/null || return 1
        if [ -n "$id" ]; then
            return 0
        fi
        id=$(echo_id) || id=
    done
    return 1
}

# Показывает конец журнала $1 и заканчивает работу с причиной.
run_fail() {
    local log=$1
    shift
    tail -n 20 "$log" >&2
    die "$* (the whole log: $log)"
}

word_run() {
    local join port code=0 id
    word_build
    mkdir -p run
    exec 9> run/lock
    if ! flock -n 9; then
        die "./build.sh run is already going on in this folder. A second person joins so:" \
            "$target/release/supertext --home run/second --name Second" \
            "--server '$(cat run/join 2> /dev/null || true)'"
    fi
    leftover_stop
    trap run_stop EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    trap 'exit 129' HUP

    # Прежний порт хорош тем, что строка приглашения остаётся прежней; занят — берётся любой.
    port=$(cat run/port 2> /dev/null || true)
    if [[ ! $port =~ ^[0-9]+$ ]] || ! server_start "$port"; then
        server_start 0 || run_fail run/server.log "the server did not start"
    fi
    join=$(sed -n 's/^JOIN //p' run/server.log | head -n 1)
    port=${join%%#*}
    echo "${port##*:}" > run/port
    echo "$join" > run/join

    echo_start "$join" || run_fail run/echo.log "the Echo contact did not start"

    say "server $join"
    say "you talk with Echo: type a text and press Enter, it comes back"
    say "a file: /send $id PATH   all commands: /help   the end: /quit"
    # Клиент отдельным заданием и wait: тогда сигнал доходит сразу, а не после конца клиента.
    "$target/release/supertext" --home "$project/run/client" --server "$join" \
        --name "${USER:-$(id -un)}" --to "$id" "$@" <&0 9>&- &
    client_pid=$!
    echo "$client_pid" > run/client.pid
    wait "$client_pid" || code=$?
    client_pid=
    exit "$code"
}

# ---- Разбор слова ------------------------------------------------------------------------------

main() {
    local row word needs extra wanted=${1:-help}
    if [ $# -gt 0 ]; then
        shift
    fi
    case "$wanted" in
    -h | --help) wanted=help ;;
    esac
    for row in "${WORDS[@]}"; do
        IFS='|' read -r word needs extra _ <<< "$row"
        if [ "$word" != "$wanted" ]; then
            continue
        fi
        if [ "$extra" = - ] && [ $# -gt 0 ]; then
            echo "build.sh: the word $word takes nothing more: $*" >&2
            exit 2
        fi
        set_up "$needs"
        "word_$word" "$@"
        exit 0
    done
    echo "build.sh: unknown word: $wanted" >&2
    word_help >&2
    exit 2
}

main "$@"
