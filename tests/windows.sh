#!/usr/bin/env bash
# The programs for Windows, run for real under wine without a screen of one's own: a server, two
# clients through pipes, files, kills, restarts, the console, the window (keys, mouse, pictures).
#   tests/windows.sh FOLDER [TRIAL…]
# FOLDER holds supertext.exe, supertext.com, supertext-server.exe. A TRIAL is the end of a name
# trial_… below; server and messages come before the others. Without it: all.
# Программы для Windows по-настоящему, под wine: сервер, два клиента через потоки, файлы, обрывы,
# новые запуски, консоль и окно. На каждую проверку — строка PASS или FAIL; снимки окна остаются в
# FOLDER/pictures, среда wine — в FOLDER/wine.
set -uo pipefail
folder=$(realpath "${1:?tests/windows.sh FOLDER}")
wine=/usr/lib/wine/wine64
export WINEPREFIX=$folder/wine WINEDEBUG=-all WINEDLLOVERRIDES='mscoree=;mshtml='
# Слова программ и имена файлов — в UTF-8, какой бы язык ни стоял на машине.
export LC_ALL=C.UTF-8
faults=0
started=()
temporary=$(mktemp -d)

# Останавливает всё, что запущено здесь, и убирает временную папку.
clean() {
    local pid
    for pid in "${started[@]}"; do
        {
            kill -KILL "$pid"
            wait "$pid"
        } 2> /dev/null
    done
    if [ "${KEEP:-}" = yes ]; then
        echo "kept: $temporary"
    else
        rm -rf "$temporary"
    fi
}
trap clean EXIT

# Итог проверки: $1 = название, дальше команда, которая должна удаться.
expect() {
    local title=$1
    shift
    if "$@"; then
        echo "PASS  $title"
    else
        echo "FAIL  $title"
        faults=$((faults + 1))
    fi
}

# Ждёт до $1 секунд, пока не удастся остальное.
within() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.1
    done
}

# Путь Unix так, как его видит Windows.
win() {
    printf 'Z:%s' "${1//\//\\}"
}

# Запускает программу $1 со словами до её конца, не дольше минуты.
run() {
    local program=$1
    shift
    timeout 60 "$wine" "$folder/$program" "$@"
}

# ---- Клиенты: у каждого имя, вход (дескриптор), вывод, номер процесса --------------------------

declare -A input=() process=() id=()

# Становится командой, у которой нет чужих входов: держи их кто-то ещё, они бы не кончились.
bare() {
    local fd
    for fd in "${input[@]}"; do
        exec {fd}>&-
    done
    exec "$@"
}

# Запускает клиента $1 программой $2; дальше — его слова. Вывод: $temporary/ИМЯ.out.
client_start() {
    local name=$1 program=$2 fd
    shift 2
    rm -f "$temporary/$name.in"
    mkfifo "$temporary/$name.in"
    exec {fd}<> "$temporary/$name.in"
    input[$name]=$fd
    : > "$temporary/$name.out"
    (bare "$wine" "$folder/$program" "$@" --json --home "$(win "$temporary/$name")") \
        < "$temporary/$name.in" > "$temporary/$name.out" 2> "$temporary/$name.err" &
    process[$name]=$!
    started+=("$!")
    within 60 seen "$name" '"event":"ready"' && within 30 seen "$name" '"state":"up"'
}

# Говорит клиенту $1 строку $2.
say() {
    printf '%s\n' "$2" >&"${input[$1]}"
}

# Есть ли в выводе клиента $1 строка по образцу $2.
seen() {
    grep -Eq -- "$2" "$temporary/$1.out"
}

# Последняя строка вывода клиента $1 по образцу $2.
line_of() {
    grep -E -- "$2" "$temporary/$1.out" | tail -n 1
}

# Значение поля $2 (строка или число) в строке JSON $1.
field() {
    sed -n "s/.*\"$2\":\"\{0,1\}\([^\",}]*\).*/\1/p" <<< "$1"
}

# Кончился ли процесс клиента $1.
gone() {
    ! kill -0 "${process[$1]}" 2> /dev/null
}

# Просит клиента $1 уйти концом ввода и ждёт; удача — код 0.
client_end() {
    local fd=${input[$1]}
    exec {fd}>&-
    unset "input[$1]"
    within 60 gone "$1" && wait "${process[$1]}"
}

# Обрывает процесс клиента $1.
client_kill() {
    local fd=${input[$1]}
    kill -KILL "${process[$1]}"
    wait "${process[$1]}" 2> /dev/null
    exec {fd}>&-
    unset "input[$1]"
}

# Одинаковы ли два файла.
same() {
    [ -s "$2" ] && [ "$(sha256sum < "$1")" = "$(sha256sum < "$2")" ]
}

# Не меньше ли файл $1 стольких байт.
grown() {
    [ "$(stat -c %s "$1" 2> /dev/null || echo 0)" -ge "$2" ]
}

# ---- Проверки ----------------------------------------------------------------------------------

# Слова программ без окна: через канал, из cmd, из программы окна с перенаправленным выводом.
trial_programs() {
    local version rows
    version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$(dirname "$0")/../Cargo.toml" | head -n 1)
    expect 'supertext.com --version' [ "$(run supertext.com --version)" = "supertext $version" ]
    expect 'supertext.exe --version | (a pipe)' \
        [ "$(run supertext.exe --version | tr -d '\r')" = "supertext $version" ]
    expect 'supertext-server.exe --version' \
        [ "$(run supertext-server.exe --version)" = "supertext-server $version" ]
    expect 'cmd finds the twin for the console' \
        [ "$(cd "$folder" && timeout 60 "$wine" cmd /c 'supertext --version' | tr -d '\r')" \
        = "supertext $version" ]
    expect 'help goes to a pipe' grep -q -- '--home' <(run supertext.exe --help)
    run supertext.exe --nonsense > "$temporary/words" 2>&1
    expect 'a wrong word: exit code 2' [ $? -eq 2 ]
    run supertext.com id --json --home "$(win "$temporary/ids")" > "$temporary/words"
    expect 'id --json' grep -Eq '"id":"[0-9]{14}"' "$temporary/words"
    for rows in supertext.exe:'Windows GUI' supertext.com:'Windows CUI' \
        supertext-server.exe:'Windows CUI'; do
        x86_64-w64-mingw32-objdump -p "$folder/${rows%%:*}" > "$temporary/words" 2> /dev/null
        expect "$rows" grep -q "^Subsystem.*(${rows#*:})" "$temporary/words"
        expect "${rows%%:*}: nothing of the compiler must lie beside it" \
            not grep -Eiq 'DLL Name: (libgcc|libstdc|libwinpthread)' "$temporary/words"
        x86_64-w64-mingw32-windres -J coff -O rc -i "$folder/${rows%%:*}" \
            > "$temporary/words" 2> /dev/null
        expect "${rows%%:*}: icon" grep -q 'GROUP_ICON\|GROUPICON\|^[^ ]* 14 ' "$temporary/words"
        expect "${rows%%:*}: version" grep -q "\"ProductVersion\", \"$version" "$temporary/words"
    done
}

# Удаётся, когда команда не удалась.
not() {
    ! "$@"
}

# Сервер: две строки о готовности.
join=
trial_server() {
    : > "$temporary/server.out"
    "$wine" "$folder/supertext-server.exe" --home "$(win "$temporary/server")" \
        --listen 127.0.0.1:0 < /dev/null > "$temporary/server.out" 2> "$temporary/server.err" &
    started+=("$!")
    expect 'the server says READY and JOIN' \
        within 60 grep -Eq '^JOIN .+#[0-9a-f]{64}' "$temporary/server.out"
    join=$(sed -n 's/^JOIN //p' "$temporary/server.out" | tr -d '\r')
}

# Запускает Анну и Боба в консоли с JSON.
pair_start() {
    client_start ann supertext.exe console --server "$join" --name 'Анна' --yes "$@" \
        && client_start bob supertext.com console --server "$join" --name '小明' --accept-files \
            --yes "$@" || return 1
    id[ann]=$(field "$(line_of ann '"event":"ready"')" id)
    id[bob]=$(field "$(line_of bob '"event":"ready"')" id)
}

# Сообщения в обе стороны, на трёх языках и с переводом строки.
trial_messages() {
    expect 'two clients come up, one of them the window program without a window' pair_start
    say ann "/add ${id[bob]} Привет, 你好, hello 😀"
    expect 'a request arrives' within 30 seen bob '"event":"request".*Привет, 你好, hello 😀'
    say bob "/accept ${id[ann]}"
    expect 'it is accepted' within 30 seen ann '"event":"contact".*"state":"online"'
    say ann "[\"/msg\",\"${id[bob]}\",\"Строка один\\nстрока два — ёж\"]"
    expect 'a message there' \
        within 30 seen bob '"event":"message".*Строка один\\nстрока два — ёж'
    say bob "/msg ${id[ann]} 收到了,谢谢"
    expect 'a message back' within 30 seen ann '"event":"message".*收到了,谢谢'
    expect 'receipts' within 30 seen bob '"event":"receipt".*"state":"(delivered|read)"'
    expect 'a second start in the same home is told so, exit code 0' busy
}

# Вторая программа на занятой папке.
busy() {
    run supertext.com console --json --home "$(win "$temporary/ann")" \
        < /dev/null > "$temporary/words" 2>&1 && grep -q 'supertext: .' "$temporary/words"
}

# Файлы: имя на трёх письменностях, пробелы и обратные черты в пути, имена, занятые Windows.
trial_files() {
    local source="$temporary/из папки/отчёт 报告 1.bin"
    mkdir -p "$temporary/из папки"
    head -c 25000000 /dev/urandom > "$source"
    say ann "/topup ${id[bob]} files 100000"
    say bob "/topup ${id[ann]} files 100000"
    say ann "/send ${id[bob]} $(win "$source")"
    expect 'a file of 25 MB arrives' within 90 seen bob '"event":"file".*"state":"done"'
    expect 'it is the same' same "$source" "$temporary/bob/downloads/отчёт 报告 1.bin"
    expect 'its path is a path of Windows' \
        seen bob '"path":"Z:(\\\\[^"]*)+отчёт 报告 1.bin".*"state":"done"'
    head -c 70000 /dev/urandom > "$temporary/con.txt"
    say ann "/send ${id[bob]} \\\\?\\$(win "$temporary/con.txt")"
    expect 'a name that Windows keeps for itself is changed' \
        within 60 same "$temporary/con.txt" "$temporary/bob/downloads/_con.txt"
    expect 'nothing else lies in downloads' \
        [ "$(find "$temporary/bob/downloads" -type f -not -name '*:Zone.Identifier' | wc -l)" -eq 2 ]
    # В NTFS метка — поток внутри файла; у wine потоков нет, и она ложится рядом.
    expect 'the file is marked as one from the network' \
        grep -q 'ZoneId=3' "$temporary/bob/downloads/_con.txt:Zone.Identifier"
}

# Получатель и отправитель обрываются посреди файла, передача продолжается с места.
trial_resume() {
    local source="$temporary/big.bin" done_line
    head -c 400000000 /dev/urandom > "$source"
    say ann "[\"/send\",\"${id[bob]}\",\"$(win "$source" | sed 's/\\/\\\\/g')\"]"
    expect 'a file of 400 MB begins' within 60 grown "$temporary/bob/downloads/big.bin.part" 30000000
    client_kill bob
    expect 'the receiver is killed; the sender pauses' \
        within 60 seen ann '"event":"file".*"state":"paused"'
    expect 'the receiver comes again' client_start bob supertext.com console --accept-files --yes
    expect 'the file goes on' within 60 seen bob '"event":"file".*"state":"resumed"'
    client_kill ann
    expect 'the sender is killed and comes again' \
        client_start ann supertext.com console --yes
    expect 'the file ends' within 240 seen bob '"event":"file".*"state":"done"'
    done_line=$(line_of bob '"event":"file".*"state":"done"')
    expect 'it was not begun anew' [ "$(field "$done_line" resumed_from)" -gt 0 ]
    expect 'it is the same' same "$source" "$temporary/bob/downloads/big.bin"
}

# Уход по концу ввода; новый запуск знает прошлое.
trial_history() {
    expect 'the end of input ends a client, exit code 0' client_end bob
    expect 'it comes again' client_start bob supertext.com console --accept-files --yes
    say bob "/history ${id[ann]} 50"
    expect 'the past is there' within 30 seen bob 'Строка один\\nстрока два — ёж'
    say bob '/search 收到了'
    expect 'and is found' within 30 seen bob '"event":"message".*收到了,谢谢'
}

# ---- Консоль в терминале -----------------------------------------------------------------------

# Консоль с редактором строки; wine показывает её в псевдотерминале. Пароль не виден.
trial_console() {
    local fd out="$temporary/console.out"
    : > "$out"
    mkfifo "$temporary/console.in"
    exec {fd}<> "$temporary/console.in"
    TERM=xterm-256color LC_ALL=C.UTF-8 script -qfec "$wine $folder/supertext.com console --lang ru \
        --home '$(win "$temporary/vera")' --server '$join' --name Вера" /dev/null \
        < "$temporary/console.in" > "$out" 2>&1 {fd}>&- &
    process[console]=$!
    started+=("$!")
    expect 'the console opens in a terminal' within 60 grep -q 'Вера' "$out"
    sleep 2
    printf '/msg %s Ёлка 你好\r' "${id[bob]}" >&"$fd"
    expect 'what is typed is shown' within 30 grep -q 'Ёлка' "$out"
    expect 'and arrives' within 30 seen bob 'Ёлка 你好'
    say bob "/msg $(field "$(line_of bob 'Ёлка 你好')" peer) ответ 回答"
    expect 'the answer is shown' within 30 grep -q 'ответ 回答' "$out"
    printf '/register vera\r' >&"$fd"
    sleep 3
    printf 'Secret-word-17\r' >&"$fd"
    sleep 1
    printf 'Secret-word-17\r' >&"$fd"
    expect 'an account is made' within 60 grep -q 'vera' "$out"
    sleep 3
    expect 'its password was not shown' not grep -q 'Secret-word' "$out"
    printf '\003' >&"$fd"
    expect 'Ctrl+C ends it' within 30 gone console
    exec {fd}>&-
}

# ---- Окно --------------------------------------------------------------------------------------

# Экран в памяти с оконным менеджером; раскладки ставятся до него.
screen_start() {
    Xvfb -displayfd 9 -screen 0 1280x860x24 -nolisten tcp 9> "$temporary/display" \
        > /dev/null 2>&1 &
    started+=("$!")
    within 20 [ -s "$temporary/display" ] || return 1
    DISPLAY=:$(cat "$temporary/display")
    export DISPLAY
    setxkbmap -layout us,ru
    openbox > /dev/null 2>&1 &
    started+=("$!")
    sleep 1
}

# Снимок экрана; удача — на нём много разных цветов, то есть он не пуст.
picture() {
    sleep 1
    import -window root "$folder/pictures/$1.png" \
        && [ "$(identify -format %k "$folder/pictures/$1.png")" -gt 100 ]
}

# Даёт клавиатуру окну программы: wine открывает рядом своё окно со значками.
window_take() {
    window=$(xdotool search --onlyvisible --name '^(\(.*\) )?Supertext' | head -n 1)
    [ -n "$window" ] && xdotool windowactivate --sync "$window"
}

# Сколько раз окно клиента $1 уже отвечало, что где нажимается.
answers() {
    grep -c '"hits"' "$temporary/$1.out"
}

# Ответило ли оно больше $2 раз.
answered() {
    [ "$(answers "$1")" -gt "$2" ]
}

# Нажимает мышью то, что окно клиента $1 называет $2.
press() {
    local rows place window before
    before=$(answers "$1")
    say "$1" '?hits'
    within 20 answered "$1" "$before" || return 1
    rows=$(grep '"hits"' "$temporary/$1.out" | tail -n 1 | sed 's/},{/\n/g')
    place=$(grep -F "$2" <<< "$rows" | head -n 1 \
        | sed -n 's/.*"place":\[\([0-9-]*\),\([0-9-]*\),\([0-9]*\),\([0-9]*\)\].*/\1 \2 \3 \4/p')
    [ -n "$place" ] || return 1
    read -r x y w h <<< "$place"
    window_take || return 1
    xdotool mousemove --window "$window" $((x + w / 2)) $((y + h / 2)) click 1
}

# Окно: снимки, нажатия, набор с клавиатуры, сообщения в обе стороны, файл, закрытие.
trial_window() {
    local person=${id[bob]%?} window
    client_end bob
    expect 'the other comes again' client_start bob supertext.com console --yes
    expect 'the first leaves' client_end ann
    expect 'the window comes up' client_start ann supertext.exe gui --yes --lang ru --accept-files
    expect 'window ready is in the log' within 20 grep -q 'window ready' "$temporary/ann/supertext.log"
    sleep 2
    expect 'its person is pressed' press ann "Person($((10#$person)))"
    say bob "/msg ${id[ann]} Видно ли: Русский, English, 中文,标点。 😀"
    expect 'a message comes' within 30 seen ann 'Видно ли'
    expect 'the keyboard is taken' window_take
    xdotool type --delay 60 'hello from keys'
    xdotool key Return
    expect 'typed Latin goes out' within 30 seen bob '"text":"hello from keys"'
    xdotool type --delay 120 'привет с клавиш'
    xdotool key Return
    # Wine теряет часть букв второй раскладки (и в своём блокноте тоже): годится и часть.
    expect 'typed Cyrillic goes out' within 30 seen bob '"text":"[^"a-zA-Z0-9]*(р|и|в|е|т|с|к|л|а|ш)[^"a-zA-Z0-9]*"'
    printf '中文剪贴板 😀' | (bare timeout 30 xclip -selection clipboard -i)
    sleep 1
    xdotool key ctrl+v
    sleep 1
    xdotool key Return
    expect 'pasted Chinese goes out' within 30 seen bob '"text":"中文剪贴板 😀"'
    head -c 300000 /dev/urandom > "$temporary/снимок 图.bin"
    say bob "/send ${id[ann]} $(win "$temporary/снимок 图.bin")"
    expect 'a file comes to the window' \
        within 60 same "$temporary/снимок 图.bin" "$temporary/ann/downloads/снимок 图.bin"
    expect 'picture chat-ru' picture chat-ru
    say ann '?watch'
    sleep 2
    say ann '?audit'
    expect 'no text is cut or covered' within 10 seen ann '"audit":\[\]'
    say ann '/lang zh'
    expect 'picture chat-zh' picture chat-zh
    say ann '/set close_to_tray on'
    sleep 2
    window_take
    xdotool key alt+F4
    expect 'closed, it stays as an icon in the tray' within 30 not shown 'Supertext — '
    expect 'and goes on' not gone ann
    run supertext.exe gui --home "$(win "$temporary/ann")" > /dev/null 2>&1
    expect 'a second start shows it again' within 30 shown 'Supertext — '
    expect 'picture raised' picture raised
    say ann '/set close_to_tray off'
    sleep 2
    window_take
    xdotool key alt+F4
    expect 'closing the window ends the program' within 30 gone ann
    expect 'with exit code 0' client_end ann
    expect 'the other leaves' client_end bob
}

# Запуск с рабочего стола, без ввода и вывода: ошибку говорит окошко, консоль открывает двойник.
trial_desktop() {
    timeout 60 "$wine" start "$(win "$folder/supertext.exe")" --nonsense > /dev/null 2>&1
    expect 'a wrong word is said in a small window' within 30 shown '^Supertext$'
    expect 'picture desktop-error' picture desktop-error
    xdotool key Return
    timeout 60 "$wine" start "$(win "$folder/supertext.exe")" console \
        --home "$(win "$temporary/desk")" --lang ru > /dev/null 2>&1
    expect 'the console is opened by the twin' within 30 shown 'supertext.com'
    expect 'picture desktop-console' picture desktop-console
    xdotool type '/quit'
    xdotool key Return
    expect '/quit closes it' within 30 not shown 'supertext.com'
}

# Есть ли на экране окно с таким заголовком.
shown() {
    xdotool search --onlyvisible --name "$1" > /dev/null 2>&1
}

# Вход под своим именем с другого компьютера: программа начинается снова и слышит тот же ввод.
trial_login() {
    expect 'two clients once more' pair_start
    say ann '/register anna.w'
    say ann 'Secret-word-18'
    say ann 'Secret-word-18'
    expect 'a name is taken' within 60 seen ann '"code":"account-new"'
    sleep 5
    expect 'the first computer leaves' client_end ann
    expect 'a third client' client_start lap supertext.exe console --server "$join" --yes
    say lap '/login anna.w'
    say lap 'Secret-word-18'
    expect 'a login brings the identity' within 60 seen lap '"code":"account-restored"'
    expect 'the program starts again under it' \
        within 60 seen lap "\"event\":\"ready\",\"id\":\"${id[ann]}\""
    say lap "/msg ${id[bob]} после входа"
    expect 'and still hears its input' within 60 seen bob 'после входа'
    expect 'the end of input ends it, exit code 0' client_end lap
    client_end bob
}

# Приготовления: среда wine и функция, которой в wine 8 нет.
wine_prepare() {
    if [ ! -f "$WINEPREFIX/system.reg" ]; then
        timeout 300 "$wine" wineboot -i > /dev/null 2>&1
        # Windows рисует китайские буквы соседним шрифтом; у wine шрифт один, пусть знает все.
        timeout 60 "$wine" reg add 'HKCU\Software\Wine\Fonts\Replacements' /f /v 'Segoe UI' \
            /d 'Noto Sans CJK SC' > /dev/null 2>&1
    fi
    if [ ! -f "$WINEPREFIX/drive_c/windows/system32/bcryptprimitives.dll" ]; then
        # Случайные байты просят у ProcessPrng, а здесь она ведёт к прежней функции.
        printf '%s\n' '#include <windows.h>' 'BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);' \
            '__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE to, SIZE_T many) {' \
            '    return SystemFunction036(to, (ULONG)many);' '}' > "$temporary/prng.c"
        x86_64-w64-mingw32-gcc -shared -O -s "$temporary/prng.c" -ladvapi32 \
            -o "$WINEPREFIX/drive_c/windows/system32/bcryptprimitives.dll"
    fi
}

mkdir -p "$folder/pictures"
# Экран раньше всего: wine узнаёт его, когда начинается.
expect 'a screen' screen_start
wine_prepare
shift
if [ $# -eq 0 ]; then
    set -- programs server messages files resume history console window desktop login
fi
for trial in "$@"; do
    "trial_$trial"
done
if [ "$faults" -gt 0 ]; then
    echo "tests/windows.sh: $faults FAILED"
    exit 1
fi
echo "tests/windows.sh: all passed"
