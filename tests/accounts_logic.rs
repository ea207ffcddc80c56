//! Accounts without programs: how the server counts wrong passwords and answers, what its database
//! does with a request, what a vault holds and how it is put in place after a crash.
//! Учётные записи без программ: как сервер считает неверные пароли и отвечает, что его база делает
//! с просьбой, что лежит в хранилище и как оно встаёт на место после сбоя.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::wildcard_enum_match_arm, clippy::cloned_ref_to_slice_refs)]
#![allow(clippy::field_reassign_with_default)]

use rusqlite::Connection;
use supertext::base::bounds::{
    ACCOUNT_ASKS_MAX, HEADER_BYTES, TRIES_FREE, TRIES_NAMES_MAX, VAULT_MAX,
};
use supertext::base::clock::Time;
use supertext::base::fail::FailKind;
use supertext::base::ids::{ID_SERVER, Id, id_digits, id_of_room};
use supertext::crypto::identity::{id_of_key, sha256};
use supertext::logic::accounts::{
    AccountFound, AccountOrder, AccountTold, account_name_check, account_told,
};
use supertext::logic::events::{
    Action, ContactRow, LinkId, MailOrder, Out, PersonFacts, ServerEvent, Standing, out_clear,
};
use supertext::logic::rooms::{Member, RoomFacts, RoomState};
use supertext::logic::server::{Server, server_step};
use supertext::store::account::{
    AccountFile, account_read, restore_people, restore_take, restore_write, vault_parse, vault_text,
};
use supertext::store::base::{base_open, base_prepare};
use supertext::store::contacts::contacts_read;
use supertext::store::home::{Home, home_open, identity_open, text_read};
use supertext::store::mail::mail_prepare;
use supertext::store::people::{account_set, owner_claim, people_all, person_set};
use supertext::store::rooms::rooms_all;
use supertext::wire::account::{
    ACCOUNT_FIND, ACCOUNT_LOGIN, ACCOUNT_REGISTER, ACCOUNT_SAVE, Account, AccountReply,
};
use supertext::wire::control::{Hello, body_read, packet_put};
use supertext::wire::header::header_read;
use supertext::wire::packets::{Kind, packet_find};
use supertext::workers::mailkeeper::{MailKeeper, mail_order, mail_settle};

/// A server with its clock.
#[derive(Default)]
struct Bench {
    server: Server,
    out: Out,
    now_ms: u64,
}

/// Время испытания.
fn now(bench: &Bench) -> Time {
    Time { mono_ms: bench.now_ms, wall_ms: 1_000_000 + bench.now_ms }
}

/// Ключ личности с этой линии.
fn key_of(link: LinkId) -> [u8; 32] {
    sha256(&link.to_be_bytes())
}

/// Заводит линию: TLS стоит, HELLO сказано.
fn link_make(bench: &mut Bench, link: LinkId) {
    let (key, at) = (key_of(link), now(bench));
    server_step(&mut bench.server, ServerEvent::LinkUp { link, key }, at, &mut bench.out);
    let hello = Hello {
        version: 1,
        features: 0,
        clock: 0,
        program: String::new(),
        until: None,
        stun: None,
    };
    packet_give(bench, link, Kind::Hello, &hello);
}

/// Присылает пакет.
fn packet_give<T: minicbor::Encode<()>>(bench: &mut Bench, link: LinkId, kind: Kind, body: &T) {
    let (mut bytes, at) = (Vec::new(), now(bench));
    let id = id_of_key(&key_of(link));
    packet_put(&mut bytes, kind, id, ID_SERVER, 0, body).unwrap();
    let header = header_read(&bytes).unwrap();
    out_clear(&mut bench.out);
    let event = ServerEvent::Packet { link, header, data: &bytes[HEADER_BYTES..] };
    server_step(&mut bench.server, event, at, &mut bench.out);
}

/// Просьба; что не названо, пусто.
fn asking(action: u8, name: &str) -> Account {
    let (name, text) = (String::from(name), String::new());
    Account { action, name, login: [7; 32], vault: vec![1, 2, 3], text }
}

/// Просит и возвращает: ответы и приказы базе.
fn ask(bench: &mut Bench, link: LinkId, body: &Account) -> (Vec<AccountReply>, Vec<AccountOrder>) {
    packet_give(bench, link, Kind::Account, body);
    (replies(bench), orders(bench))
}

/// Ответы, которые сейчас отправлены.
fn replies(bench: &Bench) -> Vec<AccountReply> {
    let mut found = Vec::new();
    let mut rest = &bench.out.bytes[..];
    while let Some(header) = header_read(rest) {
        let end = HEADER_BYTES + header.size as usize;
        if packet_find(&header).unwrap().kind == Kind::AccountReply {
            found.push(body_read("ACCOUNT_REPLY", &rest[HEADER_BYTES..end]).unwrap());
        }
        rest = &rest[end..];
    }
    found
}

/// Приказы базе, которые сейчас отданы.
fn orders(bench: &Bench) -> Vec<AccountOrder> {
    let mut found = Vec::new();
    for action in &bench.out.actions {
        if let Action::Mail(MailOrder::Account { order, .. }) = action {
            found.push(order.clone());
        }
    }
    found
}

/// База ответила на вход: вот что лежит под этим именем.
fn login_told(bench: &mut Bench, link: LinkId, name: &str, kept: Option<[u8; 32]>) {
    let found = match kept {
        Some(login) => Some(AccountFound { login: sha256(&login), vault: vec![9; 40] }),
        None => None,
    };
    out_clear(&mut bench.out);
    let told = AccountTold::Login { name: String::from(name), login: sha256(&[7; 32]), found };
    account_told(&mut bench.server, link, told, &mut bench.out);
}

/// Причина единственного ответа.
fn reason(replies: &[AccountReply]) -> (u16, u64) {
    assert_eq!(replies.len(), 1, "{replies:?}");
    (replies[0].reason, replies[0].wait_ms)
}

#[test]
fn names_are_checked() {
    for name in ["ab", "Анна-Мария", "李小龙", "a.b_c-d", "7up", "x2", &"я".repeat(32)]
    {
        assert!(account_name_check(name).is_ok(), "{name}");
    }
    for name in ["", "a", "12345678901234", "٣٤٥٦", "a b", "a/b", "a\u{202e}b", "😀😀", "<b>"]
    {
        assert!(account_name_check(name).is_err(), "{name}");
    }
    assert!(account_name_check(&"я".repeat(33)).is_err());
}

#[test]
fn an_unknown_name_answers_byte_for_byte_like_a_wrong_password() {
    let mut seen = Vec::new();
    for (name, kept) in [("known", Some([8; 32])), ("unknown", None)] {
        let mut bench = Bench::default();
        link_make(&mut bench, 1);
        for _ in 0..7 {
            let (refused, asked) = ask(&mut bench, 1, &asking(ACCOUNT_LOGIN, name));
            seen.push((bench.out.bytes.clone(), refused.len(), asked.len()));
            if !asked.is_empty() {
                login_told(&mut bench, 1, name, kept);
                assert_eq!(reason(&replies(&bench)).0, FailKind::PasswordWrong as u16);
                seen.push((bench.out.bytes.clone(), 0, 0));
            }
        }
    }
    let (known, unknown) = seen.split_at(seen.len() / 2);
    assert_eq!(known, unknown);
}

#[test]
fn waits_double_up_to_a_quarter_of_an_hour_and_are_forgotten() {
    let mut bench = Bench::default();
    let mut waits = Vec::new();
    let mut link = 0;
    // Каждый раз новая линия: считается имя, как его ни пиши.
    for turn in 0..12 {
        link += 1;
        link_make(&mut bench, link);
        let name = if turn % 2 == 0 { "Anna" } else { "aNNa" };
        let (_, asked) = ask(&mut bench, link, &asking(ACCOUNT_LOGIN, name));
        assert_eq!(asked.len(), 1, "try {turn}");
        if turn + 1 < TRIES_FREE {
            continue;
        }
        link += 1;
        link_make(&mut bench, link);
        let (refused, asked) = ask(&mut bench, link, &asking(ACCOUNT_LOGIN, "anna"));
        let (why, wait_ms) = reason(&refused);
        assert!(asked.is_empty() && why == FailKind::TryLater as u16);
        waits.push(wait_ms / 1_000);
        bench.now_ms += wait_ms;
    }
    assert_eq!(waits, [30, 60, 120, 240, 480, 900, 900, 900]);
    bench.now_ms += 3_600_000;
    link_make(&mut bench, link + 1);
    for _ in 0..TRIES_FREE {
        assert_eq!(ask(&mut bench, link + 1, &asking(ACCOUNT_LOGIN, "anna")).1.len(), 1);
    }
    assert_eq!(ask(&mut bench, link + 1, &asking(ACCOUNT_LOGIN, "anna")).1.len(), 0);
}

#[test]
fn a_flood_gets_no_more_tries_and_a_right_password_clears_the_name_only() {
    let mut bench = Bench::default();
    link_make(&mut bench, 1);
    let mut tried = 0;
    // Сотня попыток подряд, прежде чем база ответит хоть на одну; и разные имена не помогут.
    for turn in 0..100 {
        let name = if turn < 50 { String::from("anna") } else { format!("name{turn}") };
        tried += ask(&mut bench, 1, &asking(ACCOUNT_LOGIN, &name)).1.len();
    }
    assert_eq!(tried, TRIES_FREE as usize);
    login_told(&mut bench, 1, "Anna", Some([7; 32]));
    let told = replies(&bench);
    assert_eq!((told[0].reason, told[0].vault.len()), (0, 40));
    assert!(!bench.server.tries.contains_key("anna"));
    // Линии простилась одна попытка: верным паролем к своему имени других не купить.
    assert_eq!(ask(&mut bench, 1, &asking(ACCOUNT_LOGIN, "bob")).1.len(), 1);
    assert_eq!(ask(&mut bench, 1, &asking(ACCOUNT_LOGIN, "bob")).1.len(), 0);
}

#[test]
fn the_table_of_names_is_bounded_and_keeps_whom_it_guards() {
    let mut bench = Bench::default();
    let mut link = 0;
    for turn in 0..TRIES_NAMES_MAX + 500 {
        if turn % 4 == 0 {
            link += 1;
            link_make(&mut bench, link);
            bench.server.online.clear();
        }
        let name = if turn < 4 { String::from("victim") } else { format!("noise{turn}") };
        assert_eq!(ask(&mut bench, link, &asking(ACCOUNT_LOGIN, &name)).1.len(), 1);
        bench.now_ms += 1;
    }
    assert_eq!(bench.server.tries.len(), TRIES_NAMES_MAX);
    assert_eq!(bench.server.tries["victim"].wrong, 4);
    // Имя, которого не бывает, места не занимает.
    link_make(&mut bench, link + 1);
    let (refused, _) = ask(&mut bench, link + 1, &asking(ACCOUNT_LOGIN, "not a name"));
    assert_eq!(reason(&refused).0, FailKind::PasswordWrong as u16);
}

#[test]
fn searches_and_writes_are_counted_by_the_minute() {
    let mut bench = Bench::default();
    link_make(&mut bench, 1);
    bench.now_ms = 100_000;
    for action in [ACCOUNT_FIND, ACCOUNT_SAVE] {
        for _ in 0..ACCOUNT_ASKS_MAX {
            assert_eq!(ask(&mut bench, 1, &asking(action, "")).1.len(), 1);
        }
        bench.now_ms += 1_000;
        let (refused, asked) = ask(&mut bench, 1, &asking(action, ""));
        assert!(asked.is_empty());
        assert_eq!(reason(&refused).0, FailKind::TryLater as u16);
    }
    let (refused, _) = ask(&mut bench, 1, &asking(ACCOUNT_FIND, ""));
    assert_eq!(reason(&refused).1, 58_000);
    bench.now_ms += 58_000;
    assert_eq!(ask(&mut bench, 1, &asking(ACCOUNT_FIND, "")).1.len(), 1);
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut bench = Bench::default();
    link_make(&mut bench, 1);
    let (refused, asked) = ask(&mut bench, 1, &asking(ACCOUNT_REGISTER, "1234"));
    assert!(asked.is_empty());
    assert_eq!(reason(&refused).0, FailKind::ArgumentBad as u16);
    for action in [0, 6, 255] {
        let (refused, asked) = ask(&mut bench, 1, &asking(action, "anna"));
        assert!(asked.is_empty() && refused[0].action == action);
        assert_eq!(reason(&refused).0, FailKind::NotAllowed as u16);
    }
    let mut find = asking(ACCOUNT_FIND, "");
    let id: Id = id_of_key(&key_of(1));
    find.text = format!(" {} ", id_digits(id));
    let (_, asked) = ask(&mut bench, 1, &find);
    assert!(matches!(asked[..], [AccountOrder::Find { id: Some(found), .. }] if found == id));
    let mut heavy = asking(ACCOUNT_SAVE, "");
    heavy.vault = vec![0; VAULT_MAX + 1];
    ask(&mut bench, 1, &heavy);
    assert!(bench.server.links.is_empty(), "the link is ended");
    // Ответ тому, кого уже нет, никуда не идёт.
    login_told(&mut bench, 1, "anna", Some([7; 32]));
    assert!(bench.out.actions.is_empty());
}

/// Отдаёт приказ базе и возвращает рассказ.
fn kept(keeper: &mut MailKeeper, order: AccountOrder) -> AccountTold {
    mail_order(keeper, MailOrder::Account { link: 3, order });
    mail_settle(keeper);
    match keeper.told.pop() {
        Some(ServerEvent::Account { link: 3, told }) if keeper.told.is_empty() => told,
        other => panic!("{other:?}"),
    }
}

/// Чем кончился приказ.
fn done(keeper: &mut MailKeeper, order: AccountOrder) -> FailKind {
    match kept(keeper, order) {
        AccountTold::Done { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

/// Просьба завести запись.
fn register(id: Id, name: &str, login: u8) -> AccountOrder {
    let (name, vault) = (String::from(name), vec![login; 5]);
    AccountOrder::Register { id, name, login: [login; 32], vault, at: 5 }
}

#[test]
fn the_database_keeps_one_account_for_a_name_and_an_id() {
    let base = Connection::open_in_memory().unwrap();
    mail_prepare(&base).unwrap();
    let mut keeper = MailKeeper::default();
    keeper.base = Some(base);
    let save = AccountOrder::Save { id: 1, login: [1; 32], vault: vec![6] };
    assert_eq!(done(&mut keeper, save.clone()), FailKind::AccountMissing);
    assert_eq!(done(&mut keeper, register(1, "Anna", 1)), FailKind::None);
    assert_eq!(done(&mut keeper, register(1, "ANNA", 1)), FailKind::None, "a repeat");
    assert_eq!(done(&mut keeper, register(2, "anna", 1)), FailKind::NameTaken);
    assert_eq!(done(&mut keeper, register(1, "anna", 2)), FailKind::AccountPresent);
    assert_eq!(done(&mut keeper, register(1, "other", 1)), FailKind::AccountPresent);
    assert_eq!(done(&mut keeper, save.clone()), FailKind::None);
    let change = AccountOrder::Change { id: 1, login: [3; 32], vault: vec![8] };
    assert_eq!(done(&mut keeper, change), FailKind::None);
    // Прежний ключ входа хранилища больше не заменит.
    assert_eq!(done(&mut keeper, save), FailKind::PasswordWrong);
    let login = AccountOrder::Login { name: String::from("anna"), login: [3; 32] };
    match kept(&mut keeper, login) {
        AccountTold::Login { found: Some(found), .. } => {
            assert_eq!((found.login, found.vault), ([3; 32], vec![8]));
        }
        other => panic!("{other:?}"),
    }
    // Диск отказал: спросивший узнаёт, а не ждёт вечно.
    keeper.base.as_ref().unwrap().execute_batch("PRAGMA query_only=ON").unwrap();
    assert_eq!(done(&mut keeper, register(5, "late", 1)), FailKind::ServerDisk);
    keeper.base.as_ref().unwrap().execute_batch("PRAGMA query_only=OFF").unwrap();
    assert_eq!(done(&mut keeper, register(5, "late", 1)), FailKind::None);
}

/// Контакт с таким номером.
fn contact(id: Id, standing: Standing) -> ContactRow {
    let (name, words) = (format!("Контакт {id}"), String::from("\"слова\"\n"));
    ContactRow {
        id,
        name,
        blocked: id.is_multiple_of(2),
        standing,
        words,
        keep: id.is_multiple_of(3),
        folder: if id.is_multiple_of(5) { String::from("Семья 家") } else { String::new() },
        card: String::new(),
    }
}

/// Папка с личностью.
fn home_make(folder: &tempfile::TempDir, name: &str) -> Home {
    let home = home_open(&folder.path().join(name)).unwrap();
    identity_open(&home).unwrap();
    home
}

#[test]
fn a_vault_holds_what_fits_friends_first() {
    let folder = tempfile::tempdir().unwrap();
    let home = home_make(&folder, "home");
    let (mut contacts, mut people) = (Vec::new(), Vec::new());
    for number in 0..2_000u64 {
        let public = sha256(&number.to_be_bytes());
        let (peer, verified) = (id_of_key(&public), number % 5 == 0);
        let changed = if number % 7 == 0 { Some([number as u8; 32]) } else { None };
        people.push(PersonFacts { peer, public, changed, verified });
        let friend = number >= 1_900;
        contacts.push(contact(peer, if friend { Standing::Contact } else { Standing::Spam }));
    }
    let (text, skipped) = vault_text(&home, "Я", &contacts, &people, &[], 61_412).unwrap();
    assert!(text.len() <= 61_412 && text.len() > 60_000, "{}", text.len());
    let vault = vault_parse(&text).unwrap();
    assert_eq!(vault.contacts.len() as u64 + skipped, 2_000);
    assert_eq!(vault.contacts[..100], contacts[1_900..]);
    assert_eq!(vault.people[..100], people[1_900..]);
    assert_eq!((vault.name.as_str(), skipped > 1_000), ("Я", true));
    assert_eq!(text_read(&home.cert.join("client.key")).unwrap().unwrap(), vault.key_pem);
    // Те же сведения дают тот же текст: по его хешу видно, что сохранять нечего.
    assert_eq!(vault_text(&home, "Я", &contacts, &people, &[], 61_412).unwrap().0, text);
    for bad in ["", "{}", "[]", &text.replace("\"version\":1", "\"version\":2"), &text[1..]] {
        assert!(matches!(vault_parse(bad), Err(failed) if failed.kind == FailKind::Integrity));
    }
}

/// Комната с двумя участниками.
fn room_of(first: u8, state: RoomState) -> RoomFacts {
    let (room, name) = ([first; 16], String::from("обед"));
    let members =
        vec![Member { id: 11, name: String::new() }, Member { id: 22, name: String::new() }];
    let (id, nonce, keep) = (id_of_room(&room), [first + 1; 16], false);
    RoomFacts { id, room, nonce, name, owner: 11, version: 1_800_000_000_000, state, keep, members }
}

#[test]
fn a_restored_home_survives_a_crash_in_the_middle() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (home_make(&folder, "first"), home_make(&folder, "second"));
    let (owner, fresh) = (identity_open(&first).unwrap(), identity_open(&second).unwrap());
    let public = [5; 32];
    let person = PersonFacts { peer: id_of_key(&public), public, changed: None, verified: true };
    let contacts = [contact(person.peer, Standing::Asked)];
    let (room, left) = (room_of(9, RoomState::Joined), room_of(10, RoomState::Left));
    let rooms = [room.clone(), left];
    let (text, _) =
        vault_text(&first, "Анна", &contacts, &[person.clone()], &rooms, 60_000).unwrap();
    let (name, login, wrap) = (String::from("anna"), [1; 32], [2; 32]);
    let account = AccountFile { name, login, wrap, saved: [3; 32] };
    assert!(restore_take(&second).unwrap().is_none());
    restore_write(&second, &account, &text).unwrap();
    // Первый запуск обрывается после каждой половины; второй доводит до конца.
    assert!(restore_take(&second).unwrap().is_some());
    std::fs::remove_file(second.cert.join("client.crt")).unwrap();
    let vault = restore_take(&second).unwrap().expect("it waits still");
    let base = base_open(&second.history).unwrap();
    owner_claim(&base, &fresh.public_key).unwrap();
    account_set(&base, b"olm of the fresh one").unwrap();
    person_set(&base, &PersonFacts { verified: false, ..person.clone() }).unwrap();
    owner_claim(&base, &owner.public_key).unwrap();
    restore_people(&second, &base, &vault).unwrap();
    assert!(restore_take(&second).unwrap().is_none());
    assert_eq!(people_all(&base).unwrap(), [person]);
    assert_eq!(rooms_all(&base).unwrap(), [room], "what was left stays behind");
    assert_eq!(supertext::store::people::account_get(&base).unwrap(), None);
    assert_eq!(identity_open(&second).unwrap().public_key, owner.public_key);
    assert_eq!(contacts_read(&second.contacts).unwrap(), contacts);
    let known = account_read(&second).unwrap().expect("an account");
    assert!(known.name == "anna" && known.wrap == wrap && known.saved == [3; 32]);
    // Свежая личность отставлена один раз и не пропала.
    assert!(second.cert.join("client.key.old1").exists());
    assert!(!second.cert.join("client.key.old2").exists());
}

#[test]
fn a_base_belongs_to_its_owner() {
    let base = Connection::open_in_memory().unwrap();
    base_prepare(&base).unwrap();
    let (first, second) = ([1; 32], [2; 32]);
    owner_claim(&base, &first).unwrap();
    account_set(&base, b"olm").unwrap();
    let insert = "INSERT INTO outbox(peer, id, envelope) VALUES(7, x'01', x'02');
        INSERT INTO sessions(peer, name, used, pickle) VALUES(7, 'a', 1, x'03');
        INSERT INTO orders(peer, run, expected) VALUES(7, 1, 2);
        INSERT INTO early(peer, run, sequence, packet) VALUES(7, 1, 5, x'04');
        INSERT INTO orders_out(peer, run, next) VALUES(7, 1, 2);
        INSERT INTO messages(peer, outgoing, id, text, sent, received, seen)
          VALUES(7, 0, x'01', 'kept', 1, 1, 1);";
    base.execute_batch(insert).unwrap();
    owner_claim(&base, &first).unwrap();
    assert_eq!(rows_of(&base, "outbox"), 1);
    owner_claim(&base, &second).unwrap();
    for table in ["account", "sessions", "people", "orders", "early", "orders_out", "outbox"] {
        assert_eq!(rows_of(&base, table), 0, "{table}");
    }
    assert_eq!(rows_of(&base, "messages"), 1);
}

/// Сколько строк в таблице.
fn rows_of(base: &Connection, table: &str) -> i64 {
    let mut statement = base.prepare(&format!("SELECT COUNT(*) FROM {table}")).unwrap();
    let mut rows = statement.query([]).unwrap();
    rows.next().unwrap().unwrap().get(0).unwrap()
}
