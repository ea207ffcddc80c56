#!/bin/sh
# Makes the first corpus of both targets from the golden vectors (tests/vectors/packets.txt).
# Делает начальный набор для обеих целей из эталонных векторов (tests/vectors/packets.txt).
set -eu
cd "$(dirname "$0")"
mkdir -p corpus/packet corpus/envelope
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
