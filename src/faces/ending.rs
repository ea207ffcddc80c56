//! The end of the program, or its new beginning under the identity that now lies in its home.
//! Конец программы или её новое начало под личностью, которая теперь лежит в её папке.

#[cfg(windows)]
use std::io::IsTerminal;
use std::path::Path;
use std::process::Command;
#[cfg(windows)]
use std::process::Stdio;

use crate::logic::show::EXIT_RESTART;
use crate::workers::map::Queues;

/// Windows' flag of a process that opens a console of its own.
#[cfg(windows)]
const CREATE_NEW_CONSOLE: u32 = 0x10;

/// Кончает программу с этим кодом; `EXIT_RESTART` — начинает её снова с теми же словами.
pub fn program_end(code: u8, queues: Option<&Queues>) -> ! {
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
    program_again(command, queues)
}

/// Новая программа на месте прежней: тот же номер процесса, те же ввод и вывод.
#[cfg(not(windows))]
fn program_again(mut command: Command, _queues: Option<&Queues>) -> ! {
    use std::os::unix::process::CommandExt;
    let error = command.exec();
    eprintln!("supertext: {error}");
    std::process::exit(1);
}

/// В Windows заменить себя нельзя: новая программа запускается рядом. В терминале она открывает
/// своё окно, потому что прежнее ещё ждёт строки; запущенную с рабочего стола не ждёт никто. Иначе
/// прежняя отдаёт новой свой ввод, ждёт её и кончается с её кодом.
#[cfg(windows)]
fn program_again(mut command: Command, queues: Option<&Queues>) -> ! {
    use std::os::windows::process::CommandExt;
    let terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    if terminal {
        command.creation_flags(CREATE_NEW_CONSOLE);
    } else if !is_desktop() {
        command.stdin(Stdio::piped());
    }
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            eprintln!("supertext: {error}");
            std::process::exit(1);
        }
    };
    if terminal || is_desktop() {
        std::process::exit(0);
    }
    if let (Some(input), Some(queues)) = (child.stdin.take(), queues) {
        let _ = queues.heir.put.try_send(input);
    }
    let code = match child.wait() {
        Ok(status) => status.code().unwrap_or(1),
        Err(_) => 1,
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

/// Запускает с теми же словами двойника для консоли, `supertext.com` рядом с программой: он
/// открывает себе консоль. Возвращает его код; `None` — двойника нет.
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
