//! A home behind a router that lets callers in when it is asked: by PCP, NAT-PMP or UPnP (a real
//! miniupnpd). Skipped, with a spoken line, where namespaces or miniupnpd are missing.
//! Дом за роутером, который впускает, когда его просят: по PCP, NAT-PMP или UPnP (настоящий
//! miniupnpd). Пропускается, о чём сказано, где нет пространств имён или miniupnpd.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;
mod lab;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use common::{
    Client, Guard, all, client_start_in, exit_code, input_end, program, say, say_words, told, wait,
    waiting,
};
use lab::nat::{Home, nat_net, router};
use lab::{Net, inside, place};
use serde_json::{Value, json};

/// An address that a router takes for a public one; nobody outside these namespaces sees it.
const OUTER: &str = "11.0.0.21";
/// UDP ports of the router: SSDP (UPnP) and PCP with NAT-PMP.
const SSDP: &str = "1900";
const PCP: &str = "5351";

/// Chains that miniupnpd fills.
const CHAINS: &str = "table inet upnp {
    chain miniupnpd { }
    chain prerouting_miniupnpd { }
    chain postrouting_miniupnpd { }
    chain prerouting {
        type nat hook prerouting priority -90; iifname \"wan\" jump prerouting_miniupnpd;
    }
}";

/// A home of ann behind a router with miniupnpd; bob is outside.
struct Lab {
    net: Net,
    folder: tempfile::TempDir,
    daemon: Guard,
}

/// Строит дом; `closed` — порты UDP роутера, на которых он молчит. `None` — здесь этого не бывает.
fn lab_make(closed: &[&str]) -> Option<Lab> {
    if Command::new("miniupnpd").arg("--version").output().is_err() {
        println!("SKIPPED: no miniupnpd on this machine");
        return None;
    }
    let net = nat_net(&[("ann", Home::Cone), ("bob", Home::Public)])?;
    let door = router("ann");
    let outer = format!("{OUTER}/24");
    inside(&net, &door, &["ip", "addr", "add", &outer, "dev", "wan"]);
    inside(&net, "bob", &["ip", "addr", "add", "11.0.0.22/24", "dev", "eth0"]);
    inside(&net, &door, &["nft", CHAINS]);
    for port in closed {
        let rule = ["nft", "insert", "rule", "ip", "filt", "input", "udp", "dport", port, "drop"];
        inside(&net, &door, &rule);
    }
    let folder = tempfile::tempdir().unwrap();
    let daemon = daemon_start(&net, folder.path());
    Some(Lab { net, folder, daemon })
}

/// Запускает miniupnpd на роутере.
fn daemon_start(net: &Net, folder: &Path) -> Guard {
    let conf = folder.join("miniupnpd.conf");
    let text = format!(
        "ext_ifname=wan\next_ip={OUTER}\nlistening_ip=lan\nhttp_port=0\nenable_natpmp=yes\n\
         enable_upnp=yes\nsecure_mode=yes\nupnp_table_name=upnp\nupnp_nat_table_name=upnp\n\
         upnp_forward_chain=miniupnpd\nupnp_nat_chain=prerouting_miniupnpd\n\
         upnp_nat_postrouting_chain=postrouting_miniupnpd\n\
         uuid=6a9f0e3c-3c1f-4b7e-9a11-1b1d5e9c2b77\nallow 1024-65535 0.0.0.0/0 1024-65535\n"
    );
    std::fs::write(&conf, text).unwrap();
    let mut command = program("ip");
    let name = place(net, &router("ann"));
    command.args(["netns", "exec", &name, "miniupnpd", "-d", "-f"]).arg(&conf);
    command.arg("-P").arg(folder.join("miniupnpd.pid"));
    let log = std::fs::File::create(folder.join("miniupnpd.log")).unwrap();
    command.stdout(log.try_clone().unwrap()).stderr(log);
    Guard { child: command.spawn().unwrap() }
}

/// Клиент дома, который просит роутер.
fn ann_start(lab: &Lab) -> Client {
    let options = ["--port-mapping", "on"];
    let home = lab.folder.path().join("ann");
    client_start_in(&place(&lab.net, "ann"), &home, "ann", &options)
}

/// Визитка клиента, в которой есть (или уже нет) внешнее место.
fn card_with(client: &mut Client, lab: &Lab, wanted: bool) -> String {
    let since = Instant::now();
    loop {
        say(client, "/card");
        let card = wait(client, json!({"event": "card"}));
        let text = String::from(card["card"].as_str().unwrap());
        if text.contains(OUTER) == wanted {
            return text;
        }
        let log = common::text_of(&lab.folder.path().join("miniupnpd.log"));
        let own = common::text_of(&client.home.join("supertext.log"));
        assert!(waiting(since), "{text}\n{log}\n{own}\n{}", told(client));
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Правила, которые роутер завёл для звонящих.
fn rules(lab: &Lab) -> String {
    let name = place(&lab.net, &router("ann"));
    let words = ["netns", "exec", &name, "nft", "list", "chain", "inet", "upnp"];
    let shown = Command::new("ip").args(words).arg("prerouting_miniupnpd").output().unwrap();
    String::from_utf8_lossy(&shown.stdout).into_owned()
}

/// Дом достижим снаружи по визитке, а уйдя, закрывает за собой.
fn reached(lab: Lab) {
    let mut ann = ann_start(&lab);
    let card = card_with(&mut ann, &lab, true);
    let open = rules(&lab);
    assert_eq!(open.matches("dnat").count(), 2, "TCP and UDP:\n{open}");
    let home = lab.folder.path().join("bob");
    let mut bob = client_start_in(&place(&lab.net, "bob"), &home, "bob", &[]);
    say(&mut bob, &format!("/connect {card}"));
    let up: Value = wait(&mut bob, json!({"event": "link", "peer": ann.id, "state": "up"}));
    println!("reached by {up}");
    say_words(&mut bob, &["/msg", &ann.id, "through your router"]);
    wait(&mut ann, json!({"event": "message", "text": "through your router"}));
    // Выключено — закрыто, включено — снова открыто.
    say(&mut ann, "/set port_mapping off");
    card_with(&mut ann, &lab, false);
    rules_gone(&lab);
    say(&mut ann, "/set port_mapping on");
    card_with(&mut ann, &lab, true);
    input_end(&mut ann);
    exit_code(&mut ann);
    rules_gone(&lab);
}

/// Ждёт, пока роутер не забудет наших.
fn rules_gone(lab: &Lab) {
    let since = Instant::now();
    while rules(lab).contains("dnat") {
        assert!(waiting(since), "still open:\n{}", rules(lab));
    }
}

#[test]
fn a_home_is_reached_by_pcp() {
    let Some(lab) = lab_make(&[SSDP]) else { return };
    reached(lab);
}

#[test]
fn a_home_is_reached_by_upnp() {
    let Some(lab) = lab_make(&[PCP]) else { return };
    reached(lab);
}

#[test]
fn a_router_that_says_nothing_costs_nothing() {
    let Some(lab) = lab_make(&[SSDP, PCP]) else { return };
    let since = Instant::now();
    let mut ann = ann_start(&lab);
    say(&mut ann, "/card");
    wait(&mut ann, json!({"event": "card"}));
    assert!(since.elapsed() < Duration::from_secs(10), "the start waits for the router");
    std::thread::sleep(Duration::from_secs(8));
    card_with(&mut ann, &lab, false);
    assert!(all(&mut ann, json!({"event": "error"})).is_empty(), "{}", told(&ann));
    assert!(rules(&lab).is_empty() || !rules(&lab).contains("dnat"));
}

#[test]
fn the_router_begins_again_and_is_asked_again() {
    let Some(mut lab) = lab_make(&[]) else { return };
    let mut ann = ann_start(&lab);
    card_with(&mut ann, &lab, true);
    // Прежний ключ продлевает: порт остаётся тем же.
    let first = rules(&lab);
    let _ = lab.daemon.child.kill();
    let _ = lab.daemon.child.wait();
    inside(
        &lab.net,
        &router("ann"),
        &["nft", "flush", "chain", "inet", "upnp", "prerouting_miniupnpd"],
    );
    lab.daemon = daemon_start(&lab.net, lab.folder.path());
    say(&mut ann, "/set port_mapping on");
    let since = Instant::now();
    while rules(&lab) != first {
        assert!(waiting(since), "not open again:\n{first}\n{}", rules(&lab));
    }
}
