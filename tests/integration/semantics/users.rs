//! One row per user, as of the latest event.

use super::*;

/// Checks that the later event of each pair determines the user's row, given the other fields of
/// both.
#[track_caller]
fn later_event_determines_the_user(pairs: &[(Value, Value)]) {
    let event = |(user, more): (usize, &Value), level: &str| {
        with(visit(json!({"userId": user, "level": level})), more.clone())
    };
    let earlier: Vec<_> = pairs.iter().map(|pair| &pair.0).enumerate().collect();
    let later: Vec<_> = pairs.iter().map(|pair| &pair.1).enumerate().collect();
    let earlier: Vec<_> = earlier.into_iter().map(|pair| event(pair, "free")).collect();
    let later: Vec<_> = later.into_iter().map(|pair| event(pair, "paid")).collect();
    let wanted: Vec<_> = (0..pairs.len()).map(|user| json!([user, "paid"])).collect();
    for events in [[&earlier[..], &later].concat(), [later, earlier].concat()] {
        let star = Star::of(&[song(json!({}))], &events);
        assert_eq!(star.rows("SELECT user_id, level FROM users ORDER BY user_id"), wanted);
    }
}

#[test]
fn latest_event_determines_a_user() {
    later_event_determines_the_user(&[
        (json!({"ts": 999, "sessionId": 200}), json!({})),
        (json!({"sessionId": 99, "itemInSession": 9}), json!({"sessionId": 100})),
        (json!({"itemInSession": 9}), json!({"itemInSession": 10})),
        (json!({"ts": -5}), json!({"ts": -4})),
    ]);
}

#[test]
fn an_unknown_session_or_item_is_earlier_than_a_known_one() {
    later_event_determines_the_user(&[
        (json!({"sessionId": null, "itemInSession": 9}), json!({"sessionId": -1})),
        (json!({"itemInSession": null}), json!({"itemInSession": -1})),
    ]);
}

#[test]
fn all_attributes_including_nulls_come_from_the_same_event() {
    let known = json!({"firstName": "Ann", "lastName": "Lee", "gender": "F", "level": "free"});
    let star = Star::of(
        &[song(json!({}))],
        &[visit(known), visit(json!({"ts": 1001, "lastName": "Ray"}))],
    );
    assert_eq!(star.stored("users"), [json!([8, null, "Ray", null, null])]);
}

#[test]
fn every_event_with_a_user_counts() {
    let star = Star::of(
        &[song(json!({}))],
        &[
            play(json!({"level": "free"})),
            visit(json!({"ts": 2000, "level": "paid"})),
            visit(json!({"userId": 9, "sessionId": null, "page": "Login"})),
        ],
    );
    assert_eq!(
        star.rows("SELECT user_id, level FROM users ORDER BY 1"),
        [json!([8, "paid"]), json!([9, null])]
    );
}

#[test]
fn events_without_a_user_are_ignored() {
    let star = Star::of(&[song(json!({}))], &[visit(json!({"userId": "", "firstName": "Ann"}))]);
    assert_eq!(star.stored("users"), Vec::<Value>::new());
}
