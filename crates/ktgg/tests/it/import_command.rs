//! `ktgg import`: from a file through the gateway into the project service.

use std::cell::RefCell;
use std::fs;

use ktgg::import::{self, Commit};
use ktgg::keys::Keys;

use crate::system::{InProcess, Scratch, SessionIssuer, on_shared_servers};

const CSV: &str = "번호,분야,사업명,신청시작일자,신청종료일자,소관기관,수행기관,등록일자,상세URL\n\
    1,기술,2026년 하나,2026-01-02,2026-12-31,가상부,가상원,2026-01-02,\
    https://www.bizinfo.go.kr/x?pblancId=PBLN_1\n\
    2,기술,,2026-01-02,2026-12-31,가상부,가상원,2026-01-02,\
    https://www.bizinfo.go.kr/x?pblancId=PBLN_2\n\
    3,기술,2026년 셋,2026-01-02,2026-12-31,가상부,가상원,2026-01-02,\
    https://www.bizinfo.go.kr/x?pblancId=PBLN_3\n";

#[tokio::test]
async fn file_is_planned_then_committed_and_a_bad_file_is_refused() {
    let scratch = Scratch::new("import");
    let installation = on_shared_servers(&scratch).await;
    let keys = Keys::of(&installation.data).unwrap();
    let system = InProcess::start(&installation, &keys).await;
    let (client, staff) = (
        installation.client(),
        SessionIssuer::new(&installation, &keys).staff().await,
    );
    let file = scratch.path().join("사업 목록.csv");
    let run = async |content: &[u8], commit: Commit| {
        fs::write(&file, content).unwrap();
        let lines = RefCell::new(Vec::new());
        let result = import::run(&client, &staff, &file, commit, |line| {
            lines.borrow_mut().push(line.to_owned());
        })
        .await;
        result
            .map(|()| lines.into_inner())
            .map_err(|error| error.to_string())
    };
    let count = async || {
        client.get("/api/projects", "").await.unwrap()["items"]
            .as_array()
            .unwrap()
            .len()
    };

    let planned = run(CSV.as_bytes(), Commit::default()).await.unwrap();
    assert_eq!(
        planned,
        [
            "create 2  edit 0  same 0  fills an expected edition 0  error 1",
            "rows that cannot be imported:",
            "  line 3, column 3 사업명: 비어 있습니다",
            "nothing is imported yet: add --commit to apply this plan",
        ]
    );
    assert_eq!(count().await, 0);

    let (cp949, _, _) = encoding_rs::EUC_KR.encode(CSV);
    let committed = run(
        &cp949,
        Commit {
            commit: true,
            confirm: false,
        },
    )
    .await
    .unwrap();
    assert_eq!(committed[committed.len() - 2..], ["2 of 2", "imported"]);
    assert_eq!(count().await, 2);
    let again = run(
        CSV.as_bytes(),
        Commit {
            commit: true,
            confirm: true,
        },
    )
    .await
    .unwrap();
    assert_eq!(
        again[0],
        "create 0  edit 0  same 2  fills an expected edition 0  error 1"
    );
    assert_eq!(count().await, 2);

    let refused = run(
        b"PK\x03\x04....xl/workbook.xml",
        Commit {
            commit: true,
            confirm: true,
        },
    )
    .await
    .unwrap_err();
    assert!(
        refused.starts_with("열 수 없는 엑셀 파일입니다."),
        "{refused}"
    );
    let heading = CSV.lines().next().unwrap();
    let without_year = format!(
        "{heading}\n4,기술,넷,,,가상부,가상원,,https://www.bizinfo.go.kr/x?pblancId=PBLN_4\n"
    );
    let planned = run(without_year.as_bytes(), Commit::default())
        .await
        .unwrap();
    assert_eq!(planned[1], "rows with warnings (1):");
    assert!(
        planned[2].starts_with("  line 2, column 3 사업명: 어디에도 연도가 없어"),
        "{planned:?}"
    );
    system.stop().await;
}
