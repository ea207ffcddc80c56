#!/bin/sh
# Makes the first corpus of the targets from the golden vectors (tests/vectors/packets.txt).
# Делает начальный набор для целей из эталонных векторов (tests/vectors/packets.txt).
set -eu
cd "$(dirname "$0")"
mkdir -p corpus/packet corpus/control corpus/sealed corpus/envelope
name=''
# Шестнадцатеричные цифры превращаются в байты через восьмеричную запись printf.
while IFS= read -r line; do
    line=${line%%#*}
    line=$(printf '%s' "$line" | tr -d ' \t\r')
    case $line in
        '') continue ;;
        '['*']')
            name=${line#?}
            name=${name%?}
            case $name in
                ENVELOPE_*) file=corpus/envelope/$name ;;
                SEALED_*) file=corpus/sealed/$name ;;
                *) file=corpus/packet/$name ;;
            esac
            : > "$file"
            continue ;;
    esac
    while [ -n "$line" ]; do
        rest=${line#??}
        byte=${line%"$rest"}
        printf "\\$(printf '%03o' "0x$byte")" >> "$file"
        line=$rest
    done
done < ../tests/vectors/packets.txt

# Для control тело идёт без заголовка, а перед ним — номер строки таблицы: файлы стоят в её порядке.
row=0
while IFS= read -r line; do
    case $line in
        '[ENVELOPE_'* | '[SEALED_'*) continue ;;
        '['*']') ;;
        *) continue ;;
    esac
    name=${line#?}
    name=${name%?}
    printf "\\$(printf '%03o' "$row")" > "corpus/control/$name"
    tail -c +17 "corpus/packet/$name" >> "corpus/control/$name"
    row=$((row + 1))
done < ../tests/vectors/packets.txt
