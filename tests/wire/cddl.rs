//! A small reader of docs/protocol.cddl: the part of RFC 8610 that this file uses, enough to hold
//! the golden vectors and the Rust types against it without another forty libraries.
//! Небольшой читатель docs/protocol.cddl: та часть RFC 8610, которой пользуется этот файл; её
//! хватает, чтобы сверить с ним эталонные векторы и типы Rust без ещё сорока библиотек.

use minicbor::Decoder;
use minicbor::data::Type;

/// What a value must look like.
#[derive(Clone, Debug)]
enum Shape {
    Any,
    Int,
    Uint,
    Bool,
    Text,
    Bytes,
    /// A number from..=to; one literal number is a range of itself.
    Range(u64, u64),
    /// Text or bytes whose length is from..=to.
    Sized(Vec<Shape>, u64, u64),
    /// An array of from..=to values of one shape.
    List(Vec<Shape>, u64, u64),
    Map(Vec<Field>),
    Choice(Vec<Shape>),
    Rule(String),
}

/// One member of a map; `key` is absent in `* int => any`.
#[derive(Clone, Debug)]
struct Field {
    key: Option<i64>,
    optional: bool,
    shape: Shape,
}

/// The whole file: names and shapes.
#[derive(Debug)]
pub struct Cddl {
    rules: Vec<(String, Shape)>,
}

/// Words of the file and the place of the next one.
#[derive(Debug)]
struct Words {
    words: Vec<String>,
    next: usize,
}

/// Делит текст на слова: имена, числа, знаки. Замечания от `;` до конца строки выпадают.
fn words_of(text: &str) -> Words {
    let mut words = Vec::new();
    for line in text.lines() {
        let line = match line.split_once(';') {
            Some((before, _)) => before,
            None => line,
        };
        let mut word = String::new();
        for letter in line.chars() {
            if letter.is_alphanumeric() || letter == '-' || letter == '.' || letter == '*' {
                word.push(letter);
                continue;
            }
            word_end(&mut words, &mut word);
            if !letter.is_whitespace() {
                words.push(String::from(letter));
            }
        }
        word_end(&mut words, &mut word);
    }
    Words { words, next: 0 }
}

/// Кладёт накопленное слово в список.
fn word_end(words: &mut Vec<String>, word: &mut String) {
    if !word.is_empty() {
        words.push(std::mem::take(word));
    }
}

/// Следующее слово, не забирая его.
fn peek(words: &Words) -> &str {
    match words.words.get(words.next) {
        Some(word) => word,
        None => "",
    }
}

/// Забирает следующее слово.
fn take(words: &mut Words) -> String {
    let word = String::from(peek(words));
    assert!(!word.is_empty(), "protocol.cddl ends too early");
    words.next += 1;
    word
}

/// Забирает слово, если оно такое.
fn take_if(words: &mut Words, wanted: &str) -> bool {
    if peek(words) == wanted {
        words.next += 1;
        return true;
    }
    false
}

/// Забирает слово, которое обязано быть таким.
fn take_exact(words: &mut Words, wanted: &str) {
    let word = take(words);
    assert_eq!(word, wanted, "protocol.cddl, word {}", words.next);
}

/// Читает файл целиком. Чего этот читатель не понимает, на том он останавливается.
pub fn cddl_read(text: &str) -> Cddl {
    let mut words = words_of(text);
    let mut rules = Vec::new();
    while !peek(&words).is_empty() {
        let name = take(&mut words);
        take_exact(&mut words, "=");
        let shape = choice_read(&mut words);
        rules.push((name, shape));
    }
    Cddl { rules }
}

/// Вид или несколько видов через `/`.
fn choice_read(words: &mut Words) -> Shape {
    let first = shape_read(words);
    if peek(words) != "/" {
        return first;
    }
    let mut shapes = vec![first];
    while take_if(words, "/") {
        shapes.push(shape_read(words));
    }
    Shape::Choice(shapes)
}

/// Один вид, с `.size` после него.
fn shape_read(words: &mut Words) -> Shape {
    let word = take(words);
    let shape = match word.as_str() {
        "{" => map_read(words),
        "[" => list_read(words),
        "any" => Shape::Any,
        "int" => Shape::Int,
        "uint" => Shape::Uint,
        "bool" => Shape::Bool,
        "tstr" => Shape::Text,
        "bstr" => Shape::Bytes,
        _ => match range_of(&word) {
            Some((from, to)) => Shape::Range(from, to),
            None => Shape::Rule(word),
        },
    };
    if !take_if(words, ".size") {
        return shape;
    }
    let bracket = take_if(words, "(");
    let (from, to) = range_of(&take(words)).expect("a length after .size");
    if bracket {
        take_exact(words, ")");
    }
    Shape::Sized(vec![shape], from, to)
}

/// `5` или `1..5` как пределы.
fn range_of(word: &str) -> Option<(u64, u64)> {
    let (from, to) = match word.split_once("..") {
        Some(both) => both,
        None => (word, word),
    };
    match (from.parse(), to.parse()) {
        (Ok(from), Ok(to)) => Some((from, to)),
        _ => None,
    }
}

/// Массив после `[`: `0*1000 вид ]` или `* вид ]`.
fn list_read(words: &mut Words) -> Shape {
    let times = take(words);
    let (from, to) = times.split_once('*').expect("an occurrence before the element");
    let from = if from.is_empty() { 0 } else { from.parse().expect("a number") };
    let to = if to.is_empty() { u64::MAX } else { to.parse().expect("a number") };
    let shape = choice_read(words);
    take_exact(words, "]");
    Shape::List(vec![shape], from, to)
}

/// Словарь после `{`: `? ключ: вид,` и `* int => any`.
fn map_read(words: &mut Words) -> Shape {
    let mut fields = Vec::new();
    while !take_if(words, "}") {
        if take_if(words, "*") {
            take_exact(words, "int");
            take_exact(words, "=");
            take_exact(words, ">");
            fields.push(Field { key: None, optional: true, shape: choice_read(words) });
        } else {
            let optional = take_if(words, "?");
            let key = take(words).parse().expect("a whole number as the key");
            take_exact(words, ":");
            fields.push(Field { key: Some(key), optional, shape: choice_read(words) });
        }
        if !take_if(words, ",") {
            assert_eq!(peek(words), "}", "protocol.cddl: a comma or the end of the map");
        }
    }
    Shape::Map(fields)
}

/// Тело подходит под правило целиком, без лишних байт?
pub fn cddl_fits(cddl: &Cddl, rule: &str, body: &[u8]) -> bool {
    let mut decoder = Decoder::new(body);
    let shape = Shape::Rule(String::from(rule));
    fits(cddl, &shape, &mut decoder) && decoder.position() == body.len()
}

/// Обязателен ли ключ в правиле-словаре; `None` — такого ключа там нет.
pub fn cddl_required(cddl: &Cddl, rule: &str, key: i64) -> Option<bool> {
    let Shape::Map(fields) = rule_shape(cddl, rule) else {
        return None;
    };
    for field in fields {
        if field.key == Some(key) {
            return Some(!field.optional);
        }
    }
    None
}

/// Вид по имени правила.
fn rule_shape<'a>(cddl: &'a Cddl, rule: &str) -> &'a Shape {
    for (name, shape) in &cddl.rules {
        if name == rule {
            return shape;
        }
    }
    panic!("protocol.cddl has no rule {rule}");
}

/// Следующее значение подходит под вид? Если да, оно прочитано.
fn fits(cddl: &Cddl, shape: &Shape, decoder: &mut Decoder<'_>) -> bool {
    match shape {
        Shape::Any => decoder.skip().is_ok(),
        Shape::Int => decoder.int().is_ok(),
        Shape::Uint => decoder.u64().is_ok(),
        Shape::Bool => decoder.bool().is_ok(),
        Shape::Text => decoder.str().is_ok(),
        Shape::Bytes => decoder.bytes().is_ok(),
        Shape::Range(from, to) => match decoder.u64() {
            Ok(number) => *from <= number && number <= *to,
            Err(_) => false,
        },
        Shape::Sized(of, from, to) => sized_fits(cddl, &of[0], *from, *to, decoder),
        Shape::List(of, from, to) => {
            let Ok(Some(count)) = decoder.array() else {
                return false;
            };
            for _ in 0..count {
                if !fits(cddl, &of[0], decoder) {
                    return false;
                }
            }
            *from <= count && count <= *to
        }
        Shape::Map(fields) => map_fits(cddl, fields, decoder),
        Shape::Choice(shapes) => {
            for shape in shapes {
                let mut trial = decoder.clone();
                if fits(cddl, shape, &mut trial) {
                    *decoder = trial;
                    return true;
                }
            }
            false
        }
        Shape::Rule(rule) => fits(cddl, rule_shape(cddl, rule), decoder),
    }
}

/// Строка или байты с длиной в пределах.
fn sized_fits(cddl: &Cddl, of: &Shape, from: u64, to: u64, decoder: &mut Decoder<'_>) -> bool {
    let mut trial = decoder.clone();
    if !fits(cddl, of, decoder) {
        return false;
    }
    let length = match trial.datatype() {
        Ok(Type::Bytes) => trial.bytes().unwrap_or_default().len(),
        Ok(Type::String) => trial.str().unwrap_or_default().len(),
        Ok(_) | Err(_) => return false,
    };
    from <= length as u64 && length as u64 <= to
}

/// Словарь: каждый ключ не больше раза, обязательные на месте, чужие — только если можно.
fn map_fits(cddl: &Cddl, fields: &[Field], decoder: &mut Decoder<'_>) -> bool {
    let Ok(Some(count)) = decoder.map() else {
        return false;
    };
    let mut seen: Vec<i64> = Vec::new();
    for _ in 0..count {
        let Ok(key) = decoder.i64() else {
            return false;
        };
        if seen.contains(&key) {
            return false;
        }
        seen.push(key);
        let mut found = None;
        for field in fields {
            if field.key == Some(key) || (field.key.is_none() && found.is_none()) {
                found = Some(field);
            }
        }
        let Some(field) = found else {
            return false;
        };
        if !fits(cddl, &field.shape, decoder) {
            return false;
        }
    }
    for field in fields {
        if let Some(key) = field.key {
            if !field.optional && !seen.contains(&key) {
                return false;
            }
        }
    }
    true
}
