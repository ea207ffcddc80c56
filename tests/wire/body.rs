//! Any packet by its kind: decoded, encoded again, and the property that both agree. The tests
//! of this folder and the fuzz targets use it.
//! Любой пакет по его виду: декодируется, кодируется снова, и свойство, что одно сходится с
//! другим. Этим пользуются тесты этой папки и цели фаззинга.

use supertext::base::bounds::HEADER_BYTES;
use supertext::base::fail::Fail;
use supertext::wire::account::{Account, AccountReply};
use supertext::wire::carry::{CARRY_HEAD, CarryHead, Routes, carry_head_write, carry_read};
use supertext::wire::control::{
    Hello, KeyAnswer, KeyAsk, Keys, KeysLeft, Mail, Ping, Presence, Quit, Quited, Refused, Stored,
    Unreachable, Watch, body_read, packet_put,
};
use supertext::wire::file::{
    FileDone, FileSize, FileStop, FileWant, SEALED_HEAD, SealedHead, sealed_head_read,
    sealed_head_write,
};
use supertext::wire::header::{Header, header_bytes, header_read};
use supertext::wire::message::{Envelope, PIECE_HEAD, Sealed, envelope_bytes, piece_read};
use supertext::wire::packets::{Kind, packet_find};

/// Body of a packet of any kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    Hello(Hello),
    Ping(Ping),
    Quit(Quit),
    Quited(Quited),
    Refused(Refused),
    Watch(Watch),
    Presence(Presence),
    Unreachable(Unreachable),
    Keys(Keys),
    KeysLeft(KeysLeft),
    KeyAsk(KeyAsk),
    Key(KeyAnswer),
    Stored(Stored),
    Mail(Mail),
    Account(Account),
    AccountReply(AccountReply),
    Piece {
        index: u16,
        count: u16,
        bytes: Vec<u8>,
    },
    FileSize(FileSize),
    FileWant(FileWant),
    /// A sealed file packet: head and what follows it, ciphertext and tag, not opened.
    Sealed {
        head: SealedHead,
        rest: Vec<u8>,
    },
    FileDone(FileDone),
    FileStop(FileStop),
    Routes(Routes),
    /// A packet on its way through others, with what is inside.
    Carry {
        head: CarryHead,
        inner: Vec<u8>,
    },
}

/// A whole packet.
#[derive(Clone, Debug, PartialEq)]
pub struct Packet {
    pub header: Header,
    pub kind: Kind,
    pub body: Body,
}

/// Тело по виду пакета. Новый вид не скомпилируется, пока здесь нет его ветви.
pub fn body_decode(kind: Kind, data: &[u8]) -> Result<Body, Fail> {
    let body = match kind {
        Kind::Hello => Body::Hello(body_read("HELLO", data)?),
        Kind::Ping => Body::Ping(body_read("PING", data)?),
        Kind::Pong => Body::Ping(body_read("PONG", data)?),
        Kind::Quit => Body::Quit(body_read("QUIT", data)?),
        Kind::Quited => Body::Quited(body_read("QUITED", data)?),
        Kind::Refused => Body::Refused(body_read("REFUSED", data)?),
        Kind::Watch => Body::Watch(body_read("WATCH", data)?),
        Kind::Presence => Body::Presence(body_read("PRESENCE", data)?),
        Kind::Unreachable => Body::Unreachable(body_read("UNREACHABLE", data)?),
        Kind::Keys => Body::Keys(body_read("KEYS", data)?),
        Kind::KeysLeft => Body::KeysLeft(body_read("KEYS_LEFT", data)?),
        Kind::KeyAsk => Body::KeyAsk(body_read("KEY_ASK", data)?),
        Kind::Key => Body::Key(body_read("KEY", data)?),
        Kind::Stored => Body::Stored(body_read("STORED", data)?),
        Kind::Mail => Body::Mail(body_read("MAIL", data)?),
        Kind::Account => Body::Account(body_read("ACCOUNT", data)?),
        Kind::AccountReply => Body::AccountReply(body_read("ACCOUNT_REPLY", data)?),
        Kind::Message => {
            let piece = piece_read(data)?;
            Body::Piece { index: piece.index, count: piece.count, bytes: piece.bytes.to_vec() }
        }
        Kind::FileSize => Body::FileSize(body_read("FILE_SIZE", data)?),
        Kind::FileWant => Body::FileWant(body_read("FILE_WANT", data)?),
        Kind::FileData | Kind::FileBlock | Kind::FileEnd => {
            let head = sealed_head_read(data)?;
            Body::Sealed { head, rest: data[SEALED_HEAD..].to_vec() }
        }
        Kind::FileDone => Body::FileDone(body_read("FILE_DONE", data)?),
        Kind::FileStop => Body::FileStop(body_read("FILE_STOP", data)?),
        Kind::Routes => Body::Routes(body_read("ROUTES", data)?),
        Kind::Carry | Kind::CarryFile => {
            let (head, inner) = carry_read(data)?;
            Body::Carry { head, inner: inner.to_vec() }
        }
    };
    Ok(body)
}

/// Первый пакет из байт и сколько байт он занял; `None`, пока пакет не весь.
pub fn packet_decode(bytes: &[u8]) -> Result<Option<(Packet, usize)>, Fail> {
    let Some(header) = header_read(bytes) else {
        return Ok(None);
    };
    let row = packet_find(&header)?;
    let end = HEADER_BYTES + header.size as usize;
    if bytes.len() < end {
        return Ok(None);
    }
    let body = body_decode(row.kind, &bytes[HEADER_BYTES..end])?;
    Ok(Some((Packet { header, kind: row.kind, body }, end)))
}

/// Пакет обратно в байты. Размер в заголовке считается заново.
pub fn packet_encode(packet: &Packet) -> Result<Vec<u8>, Fail> {
    let mut out = Vec::new();
    let Header { source_id: source, dest_id: dest, content_id: content, .. } = packet.header;
    let kind = packet.kind;
    match &packet.body {
        Body::Hello(body) => packet_put(&mut out, kind, source, dest, content, body)?,
        Body::Ping(body) => packet_put(&mut out, kind, source, dest, content, body)?,
        Body::Quit(body) => packet_put(&mut out, kind, source, dest, content, body)?,
        Body::Quited(body) => packet_put(&mut out, kind, source, dest, content, body)?,
        Body::Refused(body) => packet_put(&mut out, kind, source, dest, content, body)?,
        Body::Watch(body) => packet_put(&mut out, kind, source, dest, content, body)?,
        Body::Presence(body) => packet_put(&mut out, kind, source, dest, content, body)?,
        Body::Unreachable(body) => packet_put(&mut out, kind, source, dest, content, body)?,
        Body::Keys(body) => packet_put(&mut out, kind, source, dest, content, body)?,
        Body::KeysLeft(body) => packet_put(&mut out, kind, source, dest, content, body)?,
        Body::KeyAsk(body) => packet_put(&mut out, kind, source, dest, content, body)?,
        Body::Key(body) => packet_put(&mut out, kind, source, dest, content, body)?,
        Body::Stored(body) => packet_put(&mut out, kind, source, dest, content, body)?,
        Body::Mail(body) => packet_put(&mut out, kind, source, dest, content, body)?,
        Body::Account(body) => packet_put(&mut out, kind, source, dest, content, body)?,
        Body::AccountReply(body) => packet_put(&mut out, kind, source, dest, content, body)?,
        Body::Piece { index, count, bytes } => {
            let mut head = [0u8; PIECE_HEAD];
            head[0..2].copy_from_slice(&index.to_be_bytes());
            head[2..4].copy_from_slice(&count.to_be_bytes());
            binary_put(&mut out, &packet.header, &head, bytes);
        }
        Body::FileSize(body) => packet_put(&mut out, kind, source, dest, content, body)?,
        Body::FileWant(body) => packet_put(&mut out, kind, source, dest, content, body)?,
        Body::Sealed { head, rest } => {
            let mut place = [0u8; SEALED_HEAD];
            sealed_head_write(head, &mut place);
            binary_put(&mut out, &packet.header, &place, rest);
        }
        Body::FileDone(body) => packet_put(&mut out, kind, source, dest, content, body)?,
        Body::FileStop(body) => packet_put(&mut out, kind, source, dest, content, body)?,
        Body::Routes(body) => packet_put(&mut out, kind, source, dest, content, body)?,
        Body::Carry { head, inner } => {
            let mut place = [0u8; CARRY_HEAD];
            carry_head_write(head, &mut place);
            binary_put(&mut out, &packet.header, &place, inner);
        }
    }
    Ok(out)
}

/// Двоичный пакет: заголовок с верным размером, начало, остальное.
fn binary_put(out: &mut Vec<u8>, header: &Header, head: &[u8], rest: &[u8]) {
    let mut header = *header;
    header.size = (head.len() + rest.len()) as u16;
    out.extend_from_slice(&header_bytes(&header));
    out.extend_from_slice(head);
    out.extend_from_slice(rest);
}

/// Свойство пакета: что декодировалось, то после кодирования декодируется в то же самое.
/// Возвращает, декодировался ли пакет.
pub fn packet_check(bytes: &[u8]) -> bool {
    let Ok(Some((packet, used))) = packet_decode(bytes) else {
        return false;
    };
    assert!(used <= bytes.len());
    if let Body::Piece { index: 0, count: 1, bytes: sealed } = &packet.body {
        let _ = sealed_check(sealed);
    }
    let again = packet_encode(&packet).expect("what was decoded can be encoded");
    assert!(again.len() <= used, "the encoder is never longer than what came");
    let (mut second, length) =
        packet_decode(&again).expect("own packet is right").expect("own packet is whole");
    assert_eq!(length, again.len());
    // Тот же смысл бывает записан длиннее; размер в заголовке тогда другой.
    second.header.size = packet.header.size;
    assert_eq!(second, packet);
    true
}

/// То же свойство для запечатанного: его собирают из кусков MESSAGE.
pub fn sealed_check(bytes: &[u8]) -> bool {
    let decoded: Result<Sealed, Fail> = body_read("sealed", bytes);
    let Ok(sealed) = decoded else {
        return false;
    };
    let again = minicbor::to_vec(&sealed).expect("what was decoded can be encoded");
    assert!(again.len() <= bytes.len(), "the encoder is never longer than what came");
    let second: Sealed = body_read("sealed", &again).expect("own bytes are right");
    assert_eq!(second, sealed);
    true
}

/// То же свойство для конверта.
pub fn envelope_check(bytes: &[u8]) -> bool {
    let decoded: Result<Envelope, Fail> = body_read("envelope", bytes);
    let Ok(envelope) = decoded else {
        return false;
    };
    let again = envelope_bytes(&envelope).expect("what was decoded can be encoded");
    assert!(again.len() <= bytes.len(), "the encoder is never longer than what came");
    let second: Envelope = body_read("envelope", &again).expect("own envelope is right");
    assert_eq!(second, envelope);
    true
}
