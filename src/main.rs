//! The client program: args → home → identity → workers → a face.
//! Программа-клиент: слова → домашняя папка → личность → потоки → лицо.

// С рабочего стола Windows она открывается без окна консоли; для консоли есть её двойник,
// supertext.com (docs/windows.md).
#![cfg_attr(all(windows, feature = "gui"), windows_subsystem = "windows")]

mod gui;
// Окно — часть этой программы, а не библиотеки: сервер с нею FLTK не получает.
#[cfg(feature = "gui")]
#[path = "faces/window/mod.rs"]
mod window;

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;

use clap::Parser;
use rusqlite::Connection;
use supertext::base::clock::time_now;
use supertext::base::fail::{Fail, FailKind, fail, io_try};
use supertext::base::ids::{Id, id_digits, id_parse, id_shown};
use supertext::base::log::log_start;
use supertext::crypto::file_cipher::random_fill;
use supertext::crypto::identity::{Identity, sha256};
use supertext::crypto::olm::signer_of;
use supertext::crypto::tls::{Trust, call_config, client_config, door_config};
use supertext::faces::args::{
    ClientArgs, Mode, server_named, start_failed, start_said, start_text,
};
use supertext::faces::console::{console_face, console_input, park};
use supertext::faces::doctor::{doctor, root_choose};
use supertext::faces::echo::echo_face;
use supertext::faces::ending::{console_twin, is_desktop};
use supertext::faces::input::{line_not_taken, pipe_read};
use supertext::faces::json::json_face;
use supertext::faces::texts::language_choose;
use supertext::logic::events::{AcceptFiles, StartFacts, Wishes};
use supertext::logic::mesh::carry_word;
use supertext::net::address::JoinLine;
use supertext::net::lan::LAN_PORT;
use supertext::net::sockets::{door_addresses, listen, listen_all};
use supertext::store::account::{restore_people, restore_take};
use supertext::store::backup::base_rescue;
use supertext::store::base::{base_check, base_open};
use supertext::store::contacts::contacts_read;
use supertext::store::desk::desk_new;
use supertext::store::files::files_settle;
use supertext::store::finished::finished_read;
use supertext::store::folders::{folders_read, folders_settle};
use supertext::store::history::history_unseen;
use supertext::store::home::{
    Home, home_client, home_lock, home_open, identity_open, identity_renew, raise_ask,
};
use supertext::store::journal::{JOURNAL_OUTGOING, journals_list};
use supertext::store::limits::limits_read;
use supertext::store::outbox::outbox_all;
use supertext::store::people::{keys_forget, owner_claim, people_all};
use supertext::store::rooms::rooms_all;
use supertext::store::settings::{
    Settings, setting_get, settings_all, settings_read, settings_write,
};
use supertext::workers::map::{FACE, QUEUES};
use supertext::workers::roles::{ClientStart, Event, FaceMain, SeekOrder};
use supertext::workers::start::{signals_start, workers_start};

use gui::{gallery, gui_begin, gui_face, gui_here, gui_run, gui_tell};

/// Начало: ошибка запуска — одна строка и код.
fn main() -> ExitCode {
    let args = match ClientArgs::try_parse() {
        Ok(args) => args,
        Err(error) if is_desktop() => {
            gui_tell(&error.to_string());
            return ExitCode::from(error.exit_code() as u8);
        }
        Err(error) => error.exit(),
    };
    let mode = mode_choose(&args);
    if matches!(mode, Mode::Console | Mode::Id | Mode::Doctor) {
        if let Some(code) = console_twin() {
            return ExitCode::from(code);
        }
    }
    // Отсчёт начинается здесь: по нему меряется, скоро ли открылось окно.
    let _ = time_now();
    if mode == Mode::Doctor {
        return if doctor(&args) { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let lang = args.lang.clone();
    match client_main(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => ExitCode::from(failed_tell(&failed, &lang)),
    }
}

/// Ошибка запуска: строка в stderr, а с рабочего стола, где его никто не видит, — окошко.
fn failed_tell(failed: &Fail, lang: &Option<String>) -> u8 {
    if is_desktop() {
        gui_tell(&start_text(failed, lang));
    }
    start_failed(failed, lang)
}

/// Готовит всё и отдаёт главный поток лицу. Возвращается только из `supertext id`.
fn client_main(mut args: ClientArgs) -> Result<(), Fail> {
    let mode = mode_choose(&args);
    if mode == Mode::Gallery {
        return gallery(&args);
    }
    let root = root_choose(&args)?;
    let home = home_open(&root)?;
    home_client(&home)?;
    if mode == Mode::Id {
        return id_print(&args, &home);
    }
    // Замок держится, пока жива программа: он едет к controller-у.
    let lock = match home_lock(&home) {
        // Второй запуск: окно первого выходит вперёд, а говорить больше не о чем.
        Err(busy) if busy.kind == FailKind::HomeBusy && raise_ask(&home) => {
            start_said("second-raised", &busy.detail, &args.lang);
            return Ok(());
        }
        locked => locked?,
    };
    log_start(&home.log, &args.log)?;
    if mode == Mode::Gui && !gui_begin(&mut args, &home)? {
        return Ok(());
    }
    let suspect = home.suspect.clone();
    let start = match client_start_facts(&args, home, lock) {
        Ok(start) => start,
        Err(failed) => {
            if failed.kind == FailKind::BaseDamaged {
                // Порча там, где её не искали: следующий запуск проверит базу целиком.
                let _ = std::fs::write(&suspect, b"");
            }
            return Err(failed);
        }
    };
    let face: FaceMain = match (mode, args.json) {
        (Mode::Echo, _) => echo_face,
        (Mode::Gui, json) => gui_face(json),
        (Mode::Console | Mode::Id | Mode::Doctor | Mode::Gallery, true) => json_face,
        (Mode::Console | Mode::Id | Mode::Doctor | Mode::Gallery, false) => console_face,
    };
    let _ = FACE.set(face);
    let queues = &*QUEUES;
    let _ = queues.events.put.send(Event::StartClient(Box::new(start)));
    workers_start()?;
    signals_start()?;
    if mode == Mode::Echo {
        park();
    } else if mode == Mode::Gui {
        gui_run(queues, args.json)?;
    } else if args.json {
        pipe_read(queues, line_not_taken);
        park();
    } else {
        console_input(queues);
    }
    Ok(())
}

/// Что запускать: сказанное, иначе окно, если есть экран, иначе консоль.
fn mode_choose(args: &ClientArgs) -> Mode {
    match args.mode {
        Some(mode) => mode,
        None if !args.json && gui_here() => Mode::Gui,
        None => Mode::Console,
    }
}

/// `supertext id`: напечатать свой номер (и завести личность, если её нет).
fn id_print(args: &ClientArgs, home: &Home) -> Result<(), Fail> {
    let identity = if args.new {
        let _lock = home_lock(home)?;
        identity_renew(home)?
    } else {
        identity_open(home)?
    };
    let fingerprint = hex::encode(identity.public_key);
    let card = format!("{}#{fingerprint}", id_digits(identity.id));
    if args.json {
        let id = id_digits(identity.id);
        println!("{}", serde_json::json!({"id": id, "card": card, "fingerprint": fingerprint}));
    } else {
        println!("{}", id_shown(identity.id));
        println!("{card}");
    }
    Ok(())
}

/// Собирает всё, что клиенту нужно знать при запуске.
fn client_start_facts(args: &ClientArgs, home: Home, lock: File) -> Result<ClientStart, Fail> {
    let restored = restore_take(&home)?;
    let identity = identity_open(&home)?;
    let mut settings = settings_read(&home.settings)?;
    let (join, trust) = server_choose(args, &home, &mut settings)?;
    let door = door_open(args, &mut settings)?;
    let (mut place, mut doors) = (None, Vec::new());
    if let Some(socket) = &door {
        let address = io_try(FailKind::Listen, "", socket.local_addr())?;
        (place, doors) = (Some(address), door_addresses(address));
    }
    if let Some(name) = &args.name {
        settings.insert(String::from("name"), name.clone());
    }
    settings_write(&home.settings, &settings)?;
    let finished = finished_read(&home.finished)?;
    let folders = folders_read(&home, &settings)?;
    let incoming = folders_settle(&folders, &finished)?;
    let mut seed = [0u8; 8];
    random_fill(&mut seed)?;
    let wish = match &args.lang {
        Some(code) => code.clone(),
        None => setting_get(&settings, "lang"),
    };
    let base = base_ready(&home, &args.lang)?;
    owner_claim(&base, &identity.public_key)?;
    if let Some(vault) = &restored {
        restore_people(&home, &base, vault)?;
    }
    let outgoing = journals_list(&home.outgoing, JOURNAL_OUTGOING)?;
    files_settle(&base, &outgoing, &finished)?;
    let facts = StartFacts {
        me: identity.id,
        public: identity.public_key,
        fingerprint: hex::encode(identity.public_key),
        run: u64::from_be_bytes(seed) >> 1,
        server: join.address,
        doors,
        wishes: wishes(args, &settings),
        settings: settings_shown(args, &settings),
        limits: limits_read(&home.limits)?,
        contacts: contacts_read(&home.contacts)?,
        outgoing,
        incoming,
        finished,
        outbox: outbox_all(&base)?,
        people: people_all(&base)?,
        rooms: rooms_all(&base)?,
        unseen: history_unseen(&base)?,
        to: chat_choose(args, &identity)?,
        language: language_choose(&wish),
    };
    let tls = match trust {
        Some(trust) => Some(client_config(&identity, trust, args.keylog)?),
        None => None,
    };
    let desk = Box::new(desk_new(base, identity.public_key, signer_of(&identity)?));
    let call = call_config(&identity, args.keylog)?;
    let door = match door {
        Some(socket) => Some((socket, door_config(&identity, args.keylog)?)),
        None => None,
    };
    let seek = seek_make(args, &identity, place)?;
    let map_port = map_port(args, place)?;
    Ok(ClientStart { facts, home, desk, lock, tls, call, door, seek, map_port })
}

/// На какой порт просить роутер впускать; `None` — ни на какой: двери нет, она только для своих
/// программ или это выключено для запуска.
fn map_port(args: &ClientArgs, place: Option<SocketAddr>) -> Result<Option<u16>, Fail> {
    match (args.port_mapping.as_deref(), place) {
        (Some("off"), _) | (_, None) => Ok(None),
        (None | Some("" | "on"), Some(door)) if door.ip().is_loopback() => Ok(None),
        (None | Some("" | "on"), Some(door)) => Ok(Some(door.port())),
        (Some(text), Some(_)) => Err(fail(FailKind::ArgumentBad, text)),
    }
}

/// Как искать в местной сети; `place` — где своя дверь.
fn seek_make(
    args: &ClientArgs,
    identity: &Identity,
    place: Option<SocketAddr>,
) -> Result<Option<SeekOrder>, Fail> {
    let Some(port) = seek_port(args)? else {
        return Ok(None);
    };
    let fingerprint = sha256(&identity.public_key);
    Ok(Some(SeekOrder { me: identity.id, fingerprint, port, door: place }))
}

/// На каком порту искать в местной сети; `None` — для этого запуска выключено.
fn seek_port(args: &ClientArgs) -> Result<Option<u16>, Fail> {
    match args.discovery.as_deref() {
        None | Some("" | "on") => Ok(Some(LAN_PORT)),
        Some("off") => Ok(None),
        Some(text) => match text.parse::<u16>() {
            Ok(port) if port > 0 => Ok(Some(port)),
            Ok(_) | Err(_) => Err(fail(FailKind::ArgumentBad, text)),
        },
    }
}

/// Открывает дверь, в которую звонят напрямую: названную, иначе на всех адресах, с прежним портом,
/// чтобы визитка не старела. Названная и занятая — ошибка `Listen`; сама не открылась — без неё.
fn door_open(args: &ClientArgs, settings: &mut Settings) -> Result<Option<TcpListener>, Fail> {
    let wish = match &args.listen {
        Some(wish) => wish.clone(),
        None if setting_get(settings, "listen") == "off" => String::from("off"),
        None => String::new(),
    };
    match wish.as_str() {
        "off" => return Ok(None),
        "" => {}
        address => return Ok(Some(listen(address)?)),
    }
    let before = setting_get(settings, "port").parse().unwrap_or(0);
    match listen_all(before) {
        Ok(socket) => {
            if let Ok(address) = socket.local_addr() {
                settings.insert(String::from("port"), address.port().to_string());
            }
            Ok(Some(socket))
        }
        Err(failed) => {
            tracing::warn!("no door: {}", failed.detail);
            Ok(None)
        }
    }
}

/// Открывает history.db. Испорченная откладывается, её место занимает последняя годная копия:
/// стирать то, что не читается, нельзя.
fn base_ready(home: &Home, lang: &Option<String>) -> Result<Connection, Fail> {
    let failed = match base_try(home) {
        Ok(base) => {
            let _ = std::fs::remove_file(&home.suspect);
            return Ok(base);
        }
        Err(failed) if failed.kind == FailKind::BaseDamaged => failed,
        Err(failed) => return Err(failed),
    };
    tracing::error!("{}", failed.detail);
    let rescue = base_rescue(&home.history, &home.backups)?;
    let aside = rescue.aside.display().to_string();
    // Человек узнаёт об этом до лица программы: одна строка на его языке.
    let _ = failed_tell(&fail(FailKind::BaseDamaged, &aside), lang);
    let base = base_open(&home.history)?;
    // В копии прежние шаги храповиков: повторить их нельзя, сеансы начнутся заново.
    keys_forget(&base)?;
    let _ = std::fs::remove_file(&home.suspect);
    Ok(base)
}

/// Открывает history.db и пробует прочитать то, без чего не начать: порча бывает и в середине.
fn base_try(home: &Home) -> Result<Connection, Fail> {
    let base = base_open(&home.history)?;
    if home.suspect.exists() {
        base_check(&base)?;
    }
    outbox_all(&base)?;
    people_all(&base)?;
    history_unseen(&base)?;
    Ok(base)
}

/// Чат, открытый с самого начала (`--to`).
fn chat_choose(args: &ClientArgs, identity: &Identity) -> Result<Option<Id>, Fail> {
    match &args.to {
        Some(text) => {
            let id = id_parse(text)?;
            Ok(if id == identity.id { None } else { Some(id) })
        }
        None => Ok(None),
    }
}

/// Берутся ли все файлы сами, раз так запустили.
fn takes_all(args: &ClientArgs) -> bool {
    args.accept_files || args.mode == Some(Mode::Echo)
}

/// Все настройки, как они действуют: слова командной строки важнее файла.
fn settings_shown(args: &ClientArgs, settings: &Settings) -> Vec<(&'static str, String)> {
    let mut shown = settings.clone();
    if takes_all(args) {
        shown.insert(String::from("accept_files"), String::from("on"));
    }
    settings_all(&shown)
}

/// Настройки, нужные логике: слова командной строки важнее файла.
fn wishes(args: &ClientArgs, settings: &Settings) -> Wishes {
    Wishes {
        name: setting_get(settings, "name"),
        messages_first: setting_get(settings, "messages").parse().unwrap_or(1000),
        files_first: setting_get(settings, "files").parse().unwrap_or(1000),
        accept_files: match setting_get(settings, "accept_files").as_str() {
            _ if takes_all(args) => AcceptFiles::On,
            "on" => AcceptFiles::On,
            "images" => AcceptFiles::Images,
            _ => AcceptFiles::Off,
        },
        keep_first: setting_get(settings, "keep") == "on",
        answer_yes: args.yes || args.mode == Some(Mode::Echo),
        contacts_only: setting_get(settings, "accept_from") == "contacts",
        bits: setting_get(settings, "bits") == "on",
        listen: setting_get(settings, "listen") == "on",
        discovery: setting_get(settings, "discovery") == "on",
        carry: carry_word(&setting_get(settings, "carry")),
        port_mapping: setting_get(settings, "port_mapping") == "on",
    }
}

/// Какой сервер и почему ему верить: строка приглашения, файл центра или ничего.
/// Ошибка `ServerUnknown`: адрес есть, а доверия нет.
fn server_choose(
    args: &ClientArgs,
    home: &Home,
    settings: &mut Settings,
) -> Result<(JoinLine, Option<Trust>), Fail> {
    let text = match &args.server {
        Some(text) => text.clone(),
        None => setting_get(settings, "server"),
    };
    if text.is_empty() {
        return Ok((JoinLine { address: String::new(), pin: None }, None));
    }
    let (join, trust) = server_named(&text, home)?;
    settings.insert(String::from("server"), text);
    Ok((join, Some(trust)))
}
