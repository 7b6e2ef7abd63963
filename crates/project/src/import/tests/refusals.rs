//! Files that cannot be imported.

use serde_json::json;

use super::*;
use crate::import::reader::RECOGNITION_SIZE;

fn assert_refused(cases: Vec<(Vec<u8>, ImportError)>) {
    for (file, error) in cases {
        let sentence = error.sentence();
        assert!(![&*sentence.ko, &*sentence.en, error.reason()].contains(&""));
        assert_eq!(
            parse(&file),
            Err(error),
            "{}",
            String::from_utf8_lossy(&file[..file.len().min(60)])
        );
    }
}

/// An OLE file with a stream of that name behind what decides the format.
fn ole_with(stream: &str) -> Vec<u8> {
    let name = stream.encode_utf16().flat_map(u16::to_le_bytes);
    let start = [
        b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1",
        &[0; RECOGNITION_SIZE][..],
    ]
    .concat();
    start.into_iter().chain(name).collect()
}

#[test]
fn binary_file_is_refused_by_its_kind() {
    assert_refused(vec![
        (
            b"PK\x03\x04....[Content_Types].xml".to_vec(),
            ImportError::DamagedWorkbook,
        ),
        (
            b"PK\x03\x04....[Content_Types].xml....xl/workbook.bin".to_vec(),
            ImportError::Spreadsheet,
        ),
        (
            b"PK\x03\x04....[Content_Types].xml....word/document.xml".to_vec(),
            ImportError::Document,
        ),
        (
            b"PK\x03\x04....[Content_Types].xml....ppt/presentation.xml".to_vec(),
            ImportError::Document,
        ),
        (
            b"PK\x03\x04mimetypeapplication/vnd.oasis.opendocument.text".to_vec(),
            ImportError::Document,
        ),
        (b"PK\x03\x04....a.csv".to_vec(), ImportError::Archive),
        (
            b"PK\x03\x04mimetypeapplication/hwp+zip".to_vec(),
            ImportError::Hwp,
        ),
        (ole_with("FileHeader"), ImportError::Hwp),
        (ole_with("WordDocument"), ImportError::Document),
        (ole_with("Workbook"), ImportError::OldWorkbook),
        (ole_with("EncryptedPackage"), ImportError::Encrypted),
        (b"\x1F\x8B\x08\0".to_vec(), ImportError::Gzip),
        (b"7z\xBC\xAF\x27\x1C".to_vec(), ImportError::Archive),
        (b"\x89PNG\r\n\x1A\n".to_vec(), ImportError::Image),
        (b"\xFF\xD8\xFF\xE0".to_vec(), ImportError::Image),
        (b"GIF89a".to_vec(), ImportError::Image),
        (b"RIFF....WEBP".to_vec(), ImportError::Image),
        (b"%PDF-1.7".to_vec(), ImportError::Pdf),
        (b"\xFF\xFEa\0".to_vec(), ImportError::Utf16),
        (b"\x7FELF\0\0".to_vec(), ImportError::Binary),
    ]);
}

#[test]
fn unusable_text_is_refused_by_its_kind() {
    let header = json!({ "resultCode": "30", "resultMsg": "등록되지 않은 인증키" });
    let refused = json!({ "response": { "header": header } });
    assert_refused(vec![
        (Vec::new(), ImportError::Empty),
        (b" \r\n ".to_vec(), ImportError::Empty),
        (
            CSV.replace(',', "\t").into(),
            ImportError::OtherSeparator(Separator::Tab),
        ),
        (
            CSV.replace(',', ";").into(),
            ImportError::OtherSeparator(Separator::Semicolon),
        ),
        (b"<!DOCTYPE html><html>".to_vec(), ImportError::WebPage),
        (
            b"<?xml version='1.0'?><OpenAPI_ServiceResponse/>".to_vec(),
            ImportError::Xml,
        ),
        ("1,수출,2024년 사업\n".into(), ImportError::NoHeader),
        (b"\xB0\xA1\xB3\xAA\n".to_vec(), ImportError::NoHeader),
        (
            CSV.replacen("소관기관", "기관", 1)
                .replacen("등록일자", "날짜", 1)
                .into(),
            ImportError::MissingColumns(vec!["소관기관", "등록일자"]),
        ),
        (CSV.lines().next().unwrap().into(), ImportError::NoRows),
        (
            CSV[..CSV.find("부산광역시").unwrap()].into(),
            ImportError::CutOff { line: 2 },
        ),
        (
            CSV[..CSV.find("게임").unwrap() + 3].into(),
            ImportError::CutOff { line: 3 },
        ),
        (
            format!("{CSV}3,\"{}", "가".repeat(40_000)).into(),
            ImportError::EndlessRow { line: 4 },
        ),
        (
            b"{\"jsonArray\": [".to_vec(),
            ImportError::CutOff { line: 1 },
        ),
        (
            format!("{}\n{{\"pblancId\": \"PBLN", a_record()).into(),
            ImportError::CutOff { line: 2 },
        ),
        (
            b"{\n\"jsonArray\" [".to_vec(),
            ImportError::NotJson { line: 2 },
        ),
        (b"[{\"a\": 1}]".to_vec(), ImportError::OtherJson),
        (b"{\"a\": 1}".to_vec(), ImportError::OtherJson),
        (b"{\"data\": [{\"a\": 1}]}".to_vec(), ImportError::OtherJson),
        (b"{\"jsonArray\": 7}".to_vec(), ImportError::OtherJson),
        (
            b"{\"jsonArray\": [], \"jsonArray\": []}".to_vec(),
            ImportError::OtherJson,
        ),
        (b"{\"jsonArray\": []}".to_vec(), ImportError::NoRows),
        (
            b"{\"response\": {\"body\": {\"items\": \"\"}}}".to_vec(),
            ImportError::NoRows,
        ),
        (
            "{\"reqErr\": \"인증키 오류\"}".into(),
            ImportError::Refused(PortalError::new("", "인증키 오류")),
        ),
        (
            "{\"code\": -4, \"msg\": \"없는 인증키\"}".into(),
            ImportError::Refused(PortalError::new("-4", "없는 인증키")),
        ),
        (
            refused.to_string().into(),
            ImportError::Refused(PortalError::new("30", "등록되지 않은 인증키")),
        ),
    ]);
}

#[test]
fn too_large_file_is_refused_at_once() {
    let mut reader = Reader::new(today());
    let part = vec![b' '; 1024 * 1024];
    reader
        .push(format!("{{\"jsonArray\": [{}", " ".repeat(RECOGNITION_SIZE)).as_bytes())
        .unwrap();
    let refused = (0..33).find_map(|_| reader.push(&part).err());
    assert_eq!(refused, Some(ImportError::TooLarge));
    let many = format!(
        "{{\"jsonArray\": [{}{{\"pblancId\": 1}}]}}",
        "{\"pblancId\": 1},".repeat(usize::try_from(MAX_ROWS).unwrap())
    );
    assert_eq!(
        parse(many).map(|lines| lines.len()),
        Err(ImportError::TooManyRows)
    );
}
