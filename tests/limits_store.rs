//! limits.txt: an edit by hand right after a write of the program is never taken for that write.
//! limits.txt: правка руками сразу за записью программы никогда не принимается за эту запись.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use supertext::logic::events::LimitRow;
use supertext::store::limits::{limits_changed, limits_read, limits_write};

#[test]
fn an_edit_right_after_a_write_differs_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("limits.txt");
    let rows = vec![LimitRow { id: 1, messages: 10, files: 20 }];
    limits_write(&path, &rows).unwrap();
    let text = std::fs::read_to_string(&path).unwrap().replace(" 10 ", " 1000 ");
    // Часы файлов грубые: запись и правка часто выпадают на один их шаг.
    for _ in 0..200 {
        let mine = limits_write(&path, &rows).unwrap();
        assert_eq!(limits_changed(&path), mine, "one's own write is known");
        std::fs::write(&path, &text).unwrap();
        assert_ne!(limits_changed(&path), mine, "an edit was taken for one's own write");
        assert_eq!(limits_read(&path).unwrap()[0].messages, 1000);
    }
}
