//! The controller's backlog: what a full queue does not take is kept in order, and only a backlog
//! that its worker can empty without the controller's ear may close that ear.
//! Запас controller-а: чего не взяла полная очередь, лежит по порядку, и слух закрывает лишь тот
//! запас, который его работник может разобрать без этого слуха.

use supertext::logic::events::{Action, Out};
use supertext::logic::show::Show;
use supertext::workers::listener::ListenerOrder;
use supertext::workers::map::QUEUES;
use supertext::workers::perform::{Hands, backlog_drain, perform, post_listener};

/// Слово, по которому узнаётся показанное.
fn help(number: usize) -> Show {
    Show::Help(number.to_string())
}

#[test]
fn orders_for_the_listener_never_close_the_ear() {
    let mut hands = Hands::default();
    for link in 0..20_000 {
        post_listener(&mut hands, &QUEUES, ListenerOrder::Drop(link));
    }
    assert!(QUEUES.to_listener.take.is_full());
    // Listener ждёт на `heard`: перестань controller слушать, они заперли бы друг друга.
    assert!(backlog_drain(&mut hands, &QUEUES));
    let mut taken = 0;
    loop {
        while let Ok(order) = QUEUES.to_listener.take.try_recv() {
            assert!(matches!(order, ListenerOrder::Drop(link) if link == taken));
            taken += 1;
        }
        backlog_drain(&mut hands, &QUEUES);
        if QUEUES.to_listener.take.is_empty() {
            break;
        }
    }
    assert_eq!(taken, 20_000);
}

#[test]
fn what_the_face_does_not_take_is_kept_and_closes_the_ear() {
    let mut hands = Hands::default();
    let mut out = Out::default();
    let many = 20_000;
    for number in 0..many {
        out.actions.push(Action::Show(help(number)));
    }
    assert_eq!(perform(&mut hands, &QUEUES, &mut out, &[]), None);
    assert!(QUEUES.to_displayer.take.is_full());
    assert!(!backlog_drain(&mut hands, &QUEUES));
    let mut shown = 0;
    while shown < many {
        while let Ok(show) = QUEUES.to_displayer.take.try_recv() {
            assert_eq!(show, help(shown));
            shown += 1;
        }
        backlog_drain(&mut hands, &QUEUES);
    }
    assert!(backlog_drain(&mut hands, &QUEUES));
}
