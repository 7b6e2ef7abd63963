//! The pages in the one process.

use std::process::Command;

use crate::system::{self, Scratch};

#[tokio::test(flavor = "multi_thread")]
async fn one_process_refuses_a_wrong_folder_of_pages() {
    let scratch = Scratch::new("wrong-pages");
    let installation = system::on_shared_servers(&scratch).await;
    let exited = tokio::task::spawn_blocking(move || {
        Command::new(env!("CARGO_BIN_EXE_ktgg"))
            .env_clear()
            .env("PAGES_DIR", "/nowhere")
            .args(["serve", "--no-demo", "--data"])
            .arg(&installation.data)
            .args(["--postgres", &installation.postgres])
            .args(["--kafka", &installation.kafka.brokers])
            .args(["--port", &installation.port.to_string()])
            .output()
            .unwrap()
    });
    let exited = exited.await.unwrap();
    let stderr = String::from_utf8_lossy(&exited.stderr);
    assert_eq!(exited.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("PAGES_DIR=/nowhere is invalid"), "{stderr}");
}
