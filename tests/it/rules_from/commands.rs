//! Commands with a configuration that has rules files.

use super::place::Place;
use crate::support::process::{accredit, ended};

#[tokio::test]
async fn commands_read_the_files_and_name_them() {
    let place = Place::new();
    let config = place.path("accredit.yaml");
    let config = config.to_str().unwrap();
    let checked = ended(&mut accredit(&["check", "--config", config])).await;
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let explained = ended(&mut accredit(&[
        "explain",
        "--config",
        config,
        "--host",
        "shop.test",
        "--path",
        "/shop/a",
        "--method",
        "POST",
    ]))
    .await;
    assert_eq!(explained.code, Some(3), "{explained:?}");
    assert!(
        explained.stdout.contains("shop:rest"),
        "{}",
        explained.stdout
    );
    let outside = ended(&mut accredit(&[
        "explain",
        "--config",
        config,
        "--host",
        "other.test",
        "--path",
        "/shop/a",
    ]))
    .await;
    assert!(
        outside.stdout.contains("outside the hosts and paths"),
        "{}",
        outside.stdout
    );

    place.write("shop/shop.yaml", "- { name: a }\n- { name: a }\n");
    place.write("pay/b.yaml", "- { when: 1 }\n");
    for (command, places) in [
        (
            "check",
            [
                "shop/shop.yaml:2:11: error: [1].name: ",
                "pay/b.yaml:1:11: error: [0].when: ",
            ],
        ),
        (
            "serve",
            [
                "shop/shop.yaml: [1].name (line 2): ",
                "pay/b.yaml: [0].when (line 1): ",
            ],
        ),
    ] {
        let ended = ended(&mut accredit(&[command, "--config", config])).await;
        assert_eq!(ended.code, Some(2), "{ended:?}");
        for place in places {
            assert!(ended.stderr.contains(place), "{place}: {}", ended.stderr);
        }
    }
    std::fs::remove_dir_all(place.path("pay")).unwrap();
    let checked = ended(&mut accredit(&["check", "--config", config])).await;
    assert!(
        checked.stderr.contains("cannot be listed"),
        "{}",
        checked.stderr
    );
}
