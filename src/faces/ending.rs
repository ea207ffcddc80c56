//! The end of the program, or its new beginning under the identity that now lies in its home.
//! Конец программы или её новое начало под личностью, которая теперь лежит в её папке.

use std::path::Path;
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
/// Запущенную с рабочего стола не ждёт никто, и она уходит сразу.
#[cfg(not(unix))]
fn program_again(mut command: Command) -> ! {
    let code = match command.spawn() {
        Ok(_) if is_desktop() => 0,
        Ok(mut child) => match child.wait() {
            Ok(status) => status.code().unwrap_or(1),
            Err(_) => 1,
        },
        Err(error) => {
            eprintln!("supertext: {error}");
            1
        }
    };
    std::process::exit(code);
}

/// Запущена ли программа с рабочего стола Windows: ни консоли, ни перенаправленного вывода.
#[cfg(windows)]
pub fn is_desktop() -> bool {
    use std::os::windows::io::AsRawHandle;
    std::io::stdout().as_raw_handle().is_null() && std::io::stderr().as_raw_handle().is_null()
}

/// В других системах вывод есть всегда.
#[cfg(not(windows))]
pub fn is_desktop() -> bool {
    false
}

/// Запускает с теми же словами двойника для консоли, `supertext.com` рядом с программой: он открывает
/// себе консоль. Возвращает его код; `None` — двойника нет.
pub fn console_twin() -> Option<u8> {
    let exe = std::env::current_exe().ok()?;
    let twin = exe.with_extension("com");
    if !is_desktop() || !Path::new(&twin).is_file() {
        return None;
    }
    let mut args = std::env::args_os();
    args.next();
    let status = Command::new(twin).args(args).status().ok()?;
    Some(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1))
}
