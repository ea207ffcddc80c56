//! How one is seen from outside: questions to the server's UDP ports (STUN), asked and waited for
//! in one call. The client's own worker (workers/taps.rs) asks without waiting.
//! Каким тебя видно снаружи: вопросы на порты UDP сервера (STUN), с ожиданием в одном вызове.
//! Поток самого клиента (workers/taps.rs) спрашивает, не дожидаясь.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use crate::base::bounds::{STUN_PORTS, STUN_TRIES, STUN_WAIT_MS};
use crate::base::fail::{Fail, FailKind, io_try};
use crate::crypto::file_cipher::random_fill;
use crate::net::udp::address_plain;
use crate::wire::stun::{Stun, Token, stun_ask, stun_read};

/// What the ports of one server said.
#[derive(Debug)]
pub struct Outside {
    /// Port of the asking socket.
    pub port: u16,
    /// The answer of each port; `None`: silent.
    pub seen: Vec<Option<SocketAddr>>,
}

/// Спрашивает одним сокетом все порты сервера, не дольше `STUN_TRIES` раз по `STUN_WAIT_MS`.
/// Ошибки: `Listen`, `SocketRead`.
pub fn outside_ask(server: IpAddr, ports: &[u16]) -> Result<Outside, Fail> {
    let any = match server {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let socket = io_try(FailKind::Listen, "UDP", UdpSocket::bind(SocketAddr::new(any, 0)))?;
    let port = io_try(FailKind::Listen, "UDP", socket.local_addr())?.port();
    let ports = &ports[..usize::min(ports.len(), STUN_PORTS)];
    let mut tokens = Vec::new();
    for _ in ports {
        let mut token = Token::default();
        random_fill(&mut token)?;
        tokens.push(token);
    }
    let mut seen = vec![None; ports.len()];
    for _ in 0..STUN_TRIES {
        for (index, port) in ports.iter().enumerate() {
            if seen[index].is_none() {
                // Не ушло — молчание скажет об этом само.
                let _ = socket.send_to(&stun_ask(&tokens[index]), SocketAddr::new(server, *port));
            }
        }
        answers_take(&socket, &tokens, &mut seen)?;
        if !seen.contains(&None) {
            break;
        }
    }
    Ok(Outside { port, seen })
}

/// Берёт ответы, пока не придут все или не выйдет срок одного вопроса.
fn answers_take(
    socket: &UdpSocket,
    tokens: &[Token],
    seen: &mut [Option<SocketAddr>],
) -> Result<(), Fail> {
    let until = Instant::now() + Duration::from_millis(STUN_WAIT_MS);
    let mut bytes = [0u8; 512];
    while seen.contains(&None) {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        io_try(FailKind::SocketRead, "UDP", socket.set_read_timeout(Some(left)))?;
        let length = match socket.recv(&mut bytes) {
            Ok(length) => length,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Ok(());
            }
            // Отказ чужой стороны (ICMP) приходит как ошибка: это тоже молчание.
            Err(_) => continue,
        };
        if let Some(Stun::Answered(token, address)) = stun_read(&bytes[..length]) {
            for (index, own) in tokens.iter().enumerate() {
                if *own == token {
                    seen[index] = Some(address_plain(address));
                }
            }
        }
    }
    Ok(())
}
