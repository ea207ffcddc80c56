//! The window for main.rs: all of it with the feature `gui`, plain refusals without.
//! Окно для main.rs: всё — с признаком `gui`, без него — простой отказ.

#[cfg(feature = "gui")]
use crate::window::check::check_run;
#[cfg(feature = "gui")]
use crate::window::gallery::gallery_run;
#[cfg(feature = "gui")]
use crate::window::pictures::pictures_start;
#[cfg(feature = "gui")]
use crate::window::pipe::{pipe_start, window_json_face};
#[cfg(feature = "gui")]
use crate::window::run::{window_face, window_first, window_open, window_run};
#[cfg(feature = "gui")]
use crate::window::start::display_here;
#[cfg(feature = "gui")]
use crate::window::state::Options;
use supertext::base::fail::Fail;
#[cfg(not(feature = "gui"))]
use supertext::base::fail::{FailKind, fail};
use supertext::faces::args::ClientArgs;
#[cfg(not(feature = "gui"))]
use supertext::faces::console::{console_face, park};
#[cfg(feature = "gui")]
use supertext::faces::texts::language_choose;
use supertext::store::home::Home;
#[cfg(feature = "gui")]
use supertext::store::settings::{setting_get, settings_read};
use supertext::workers::map::Queues;
use supertext::workers::roles::FaceMain;

/// Можно ли открыть окно.
#[cfg(feature = "gui")]
pub fn gui_here() -> bool {
    display_here()
}

/// Собрано без окна.
#[cfg(not(feature = "gui"))]
pub fn gui_here() -> bool {
    false
}

/// Открывает окно; при первом запуске спрашивает имя и сервер. `false` — окно закрыли.
#[cfg(feature = "gui")]
pub fn gui_begin(args: &mut ClientArgs, home: &Home) -> Result<bool, Fail> {
    let mut settings = settings_read(&home.settings)?;
    let name = match &args.name {
        Some(name) => name.clone(),
        None => setting_get(&settings, "name"),
    };
    if let Some(theme) = &args.theme {
        settings.insert(String::from("theme"), theme.clone());
    }
    let wish = match &args.lang {
        Some(code) => code.clone(),
        None => setting_get(&settings, "lang"),
    };
    let server_known = args.server.is_some() || !setting_get(&settings, "server").is_empty();
    let first = name.is_empty() && !server_known;
    let options = Options { settings, name, home: home.root.clone() };
    window_open(options, &language_choose(&wish), first);
    if !first {
        return Ok(true);
    }
    let Some((name, join)) = window_first() else {
        return Ok(false);
    };
    args.name = Some(name);
    if !join.is_empty() {
        args.server = Some(join);
    }
    Ok(true)
}

/// Без окна открывать нечего.
#[cfg(not(feature = "gui"))]
pub fn gui_begin(_args: &mut ClientArgs, _home: &Home) -> Result<bool, Fail> {
    Err(fail(FailKind::ArgumentBad, "gui"))
}

/// Лицо для нити displayer; `json` — события ещё и потоком.
#[cfg(feature = "gui")]
pub fn gui_face(json: bool) -> FaceMain {
    if json { window_json_face } else { window_face }
}

/// Без окна — консоль.
#[cfg(not(feature = "gui"))]
pub fn gui_face(_json: bool) -> FaceMain {
    console_face
}

/// Крутит окно до конца программы; `json` — команды ещё и потоком.
#[cfg(feature = "gui")]
pub fn gui_run(queues: &'static Queues, json: bool) -> Result<(), Fail> {
    if json {
        pipe_start()?;
    }
    pictures_start()?;
    window_run(queues);
    Ok(())
}

/// Без окна — ждать.
#[cfg(not(feature = "gui"))]
pub fn gui_run(_queues: &'static Queues, _json: bool) -> Result<(), Fail> {
    park();
    Ok(())
}

/// Все пузыри на одной странице; `--json` — все страницы по очереди, и что на них не так.
#[cfg(feature = "gui")]
pub fn gallery(args: &ClientArgs) -> Result<(), Fail> {
    let theme = args.theme.clone().unwrap_or_default();
    let wish = args.lang.clone().unwrap_or_default();
    if args.json {
        return check_run(&theme, &language_choose(&wish));
    }
    gallery_run(&theme, &language_choose(&wish));
    Ok(())
}

/// Без окна показывать нечем.
#[cfg(not(feature = "gui"))]
pub fn gallery(_args: &ClientArgs) -> Result<(), Fail> {
    Err(fail(FailKind::ArgumentBad, "gallery"))
}

/// Говорит с человеком до окна программы: окошко с одной кнопкой.
#[cfg(feature = "gui")]
pub fn gui_tell(said: &str) {
    fltk::dialog::message_title("Supertext");
    // Собака в надписях FLTK значит рисунок; двойная — саму себя.
    fltk::dialog::alert_default(&said.replace('@', "@@"));
}

/// Без окна говорить нечем.
#[cfg(not(feature = "gui"))]
pub fn gui_tell(_said: &str) {}
