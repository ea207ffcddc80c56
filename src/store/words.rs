//! The words messages are found by: an FTS5 index beside the messages of history.db. It keeps no
//! texts of its own, so whoever changes or wipes a message tells it the text it had.
//! Слова, по которым находятся сообщения: указатель FTS5 рядом с сообщениями history.db. Своих
//! текстов у него нет: кто меняет или стирает сообщение, говорит ему прежний текст.

use rusqlite::{Connection, params};

use super::base::sql_try;
use crate::base::fail::Fail;

/// Китайский, японский или корейский знак: у них слова не разделены пробелами.
fn letter_wide(letter: char) -> bool {
    matches!(letter, '\u{2e80}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}'
        | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Слова для поиска: каждый китайский, японский и корейский знак — отдельное слово, иначе
/// целая строка была бы одним словом и внутри неё ничего не нашлось бы. Менять нельзя: по
/// этому же виду слова убираются из указателя.
fn words_of(text: &str) -> String {
    let mut words = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter_wide(letter) {
            words.push(' ');
            words.push(letter);
            words.push(' ');
        } else {
            words.push(letter);
        }
    }
    words
}

/// Кладёт слова сообщения в указатель.
pub fn words_add(base: &Connection, number: i64, text: &str) -> Result<(), Fail> {
    let insert = "INSERT INTO words(rowid, text) VALUES(?1, ?2)";
    let mut statement = sql_try(base.prepare_cached(insert))?;
    sql_try(statement.execute(params![number, words_of(text)]))?;
    Ok(())
}

/// Убирает слова из указателя: он не хранит текстов, поэтому прежний текст говорится заново.
pub fn words_drop(base: &Connection, number: i64, text: &str) -> Result<(), Fail> {
    let remove = "INSERT INTO words(words, rowid, text) VALUES('delete', ?1, ?2)";
    let mut statement = sql_try(base.prepare_cached(remove))?;
    sql_try(statement.execute(params![number, words_of(text)]))?;
    Ok(())
}

/// Перед многими `words_drop`: стёртые слова пока только помечаются, это в сто раз быстрее.
pub fn words_drop_begin(base: &Connection) -> Result<(), Fail> {
    let set = "INSERT INTO words(words, rank) VALUES('secure-delete', 0)";
    sql_try(base.execute_batch(set))
}

/// После них: указатель переписывается без помеченного, и слов в файле больше нет.
pub fn words_drop_end(base: &Connection) -> Result<(), Fail> {
    let set = "INSERT INTO words(words) VALUES('optimize');
        INSERT INTO words(words, rank) VALUES('secure-delete', 1);";
    sql_try(base.execute_batch(set))
}

/// Слова человека как запрос FTS5: каждое в кавычках (знаки запроса ничего не значат), все
/// обязательны, последнее может быть началом слова — если в нём не одна буква и не иероглиф.
pub fn match_of(words: &str) -> String {
    let mut query = String::new();
    let mut beginning = false;
    for word in words.split_whitespace() {
        let clean = words_of(&word.replace('"', " "));
        query.push_str(&format!("\"{}\" ", clean.trim()));
        beginning = word.chars().count() > 1 && !word.ends_with(letter_wide);
    }
    let trimmed = query.trim_end();
    if trimmed.is_empty() {
        return String::from("\"\"");
    }
    format!("{trimmed}{}", if beginning { "*" } else { "" })
}
