//! The mapper: asks the router to let callers in, asks again half-way through the lease, and takes
//! it back when one leaves. It may wait for the router; nobody waits for it but the end of the
//! program, and that briefly.
//! Mapper: просит роутер впускать звонящих, продлевает на половине срока и отказывается, уходя.
//! Ему ждать роутер можно; его же не ждёт никто, кроме конца программы, да и тот недолго.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use super::map::{QUEUES, Queues};
use super::roles::{Event, MapperOrder};
use crate::base::bounds::{MAPPING_LOOK_MS, MAPPING_RETRY_MAX_MS, MAPPING_RETRY_MS};
use crate::crypto::file_cipher::random_fill;
use crate::logic::events::ClientEvent;
use crate::net::gateway::gateway_now;
use crate::net::mapping::{Mapping, mapping_end, mapping_make};

/// State of the mapper, a local of its main.
struct Mapper {
    /// The port that is to be reached; None: nothing is asked for.
    port: Option<u16>,
    gateway: Option<Ipv4Addr>,
    mapping: Option<Mapping>,
    next: Instant,
    wait_ms: u64,
}

/// Поток mapper.
pub fn mapper_main() {
    let queues = &*QUEUES;
    let mut mapper = Mapper {
        port: None,
        gateway: None,
        mapping: None,
        next: Instant::now(),
        wait_ms: MAPPING_RETRY_MS,
    };
    loop {
        let look = Duration::from_millis(MAPPING_LOOK_MS);
        let wait = match mapper.port {
            Some(_) => Duration::min(look, mapper.next.saturating_duration_since(Instant::now())),
            None => look,
        };
        match queues.to_mapper.take.recv_timeout(wait) {
            Ok(MapperOrder::Map { port }) => {
                mapper.port = Some(port);
                mapper.next = Instant::now();
                mapper.wait_ms = MAPPING_RETRY_MS;
            }
            Ok(MapperOrder::Stop) => stop(&mut mapper, queues),
            Err(crossbeam_channel::RecvTimeoutError::Timeout) => {}
            Err(crossbeam_channel::RecvTimeoutError::Disconnected) => return,
        }
        turn(&mut mapper, queues);
    }
}

/// Роутер сменился или срок пришёл: просить.
fn turn(mapper: &mut Mapper, queues: &Queues) {
    let Some(port) = mapper.port else {
        return;
    };
    let gateway = gateway_now();
    if gateway != mapper.gateway {
        mapper.gateway = gateway;
        mapper.wait_ms = MAPPING_RETRY_MS;
        mapper.next = Instant::now();
        if mapper.mapping.take().is_some() {
            tell(queues, None);
        }
    }
    let (Some(gateway), true) = (gateway, Instant::now() >= mapper.next) else {
        return;
    };
    let mut nonce = [0u8; 12];
    if random_fill(&mut nonce).is_err() {
        return;
    }
    match mapping_make(gateway, port, nonce, mapper.mapping.as_ref()) {
        Ok(mapping) => {
            let half = u64::max(u64::from(mapping.seconds) * 500, MAPPING_LOOK_MS);
            mapper.next = Instant::now() + Duration::from_millis(half);
            mapper.wait_ms = MAPPING_RETRY_MS;
            if mapper.mapping.as_ref() != Some(&mapping) {
                tell(queues, Some(&mapping));
            }
            mapper.mapping = Some(mapping);
        }
        Err(failed) => {
            tracing::info!("mapping at {gateway}: {}", failed.detail);
            mapper.next = Instant::now() + Duration::from_millis(mapper.wait_ms);
            mapper.wait_ms = u64::min(mapper.wait_ms * 2, MAPPING_RETRY_MAX_MS);
            if mapper.mapping.take().is_some() {
                tell(queues, None);
            }
        }
    }
}

/// Больше не нужно: роутеру сказать и доложить, что сказано.
fn stop(mapper: &mut Mapper, queues: &Queues) {
    mapper.port = None;
    mapper.gateway = None;
    if let Some(mapping) = mapper.mapping.take() {
        mapping_end(&mapping);
        tell(queues, None);
    }
    let _ = queues.events.put.send(Event::MapperIdle);
}

/// Говорит логике, где нас видно снаружи.
fn tell(queues: &Queues, mapping: Option<&Mapping>) {
    let (mut tcp, mut udp) = (None, None);
    if let Some(mapping) = mapping {
        tracing::info!("mapping: {:?}", mapping);
        if let Some(place) = mapping.tcp {
            tcp = Some(place.to_string());
        }
        if let Some(place) = mapping.udp {
            udp = Some(place.to_string());
        }
    }
    let _ = queues.events.put.send(Event::Tell(ClientEvent::Mapped { tcp, udp }));
}
