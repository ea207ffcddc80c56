//! The connector: takes addresses, makes TCP connections and TLS links out of them. It alone may
//! wait for the network with its whole thread.
//! Connector: берёт адреса, делает из них соединения TCP и линии TLS. Только ему можно ждать
//! сеть всем потоком.

use rustls::{ClientConnection, Connection};

use super::map::QUEUES;
use super::roles::{ConnectOrder, Event};
use crate::base::fail::{Fail, FailKind, fail};
use crate::crypto::tls::server_name;
use crate::net::link::{ReadHalf, WriteHalf, link_split};
use crate::net::sockets::connect;

/// Поток connector.
pub fn connector_main() {
    let queues = &*QUEUES;
    loop {
        let Ok(order) = queues.to_connector.take.recv() else {
            return;
        };
        let event = match link_make(&order) {
            Ok((read, write)) => Event::LinkMade { read: Box::new(read), write: Box::new(write) },
            Err(failed) => Event::LinkFailed { link: order.link, fail: failed },
        };
        if queues.events.put.send(event).is_err() {
            return;
        }
    }
}

/// Делает линию: соединение TCP и клиентская сторона TLS (рукопожатие начнёт sender).
fn link_make(order: &ConnectOrder) -> Result<(ReadHalf, WriteHalf), Fail> {
    let socket = connect(&order.address)?;
    match ClientConnection::new(order.tls.clone(), server_name()?) {
        Ok(tls) => link_split(order.link, socket, Connection::Client(tls)),
        Err(error) => Err(fail(FailKind::Tls, &error.to_string())),
    }
}
