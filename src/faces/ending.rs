//! The end of the program, or its new beginning under the identity that now lies in its home.
//! Конец программы или её новое начало под личностью, которая теперь лежит в её папке.

use std::process::Command;

use crate::logic::show::EXIT_RESTART;

/// Кончает программу с этим кодом; `EXIT_RESTART` — начинает её снова с теми же словами.
pub fn program_end(code: u8) -> ! {
    if code != EXIT_RESTART {
        std::process::exit(code as i32);
    }
    let mut args = std::env::args_os();
    let first = args.next().unwrap_or_default();
    let exe = match std::env::current_exe() {
        Ok(path) => path.into_os_string(),
        Err(_) => first,
    };
    let mut command = Command::new(exe);
    command.args(args);
    program_again(command)
}

/// Новая программа на месте прежней: тот же номер процесса, те же ввод и вывод.
#[cfg(unix)]
fn program_again(mut command: Command) -> ! {
    use std::os::unix::process::CommandExt;
    let error = command.exec();
    eprintln!("supertext: {error}");
    std::process::exit(1);
}

/// В Windows заменить себя нельзя: новая программа запускается, прежняя ждёт её и отдаёт её код.
#[cfg(not(unix))]
fn program_again(mut command: Command) -> ! {
    let code = match command.status() {
        Ok(status) => status.code().unwrap_or(1),
        Err(error) => {
            eprintln!("supertext: {error}");
            1
        }
    };
    std::process::exit(code);
}
