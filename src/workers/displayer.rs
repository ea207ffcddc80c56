//! The displayer: runs the face that was chosen at the start; the face takes what the controller
//! shows. The worker knows nothing of consoles and windows.
//! Displayer: крутит лицо, выбранное при запуске; лицо берёт то, что показывает controller.
//! О консолях и окнах этот поток ничего не знает.

use super::map::{FACE, QUEUES};

/// Поток displayer.
pub fn displayer_main() {
    if let Some(face) = FACE.get() {
        face(&QUEUES);
    }
}
