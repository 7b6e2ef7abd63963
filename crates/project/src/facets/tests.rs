use super::*;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

#[test]
fn weeks_end_on_sunday() {
    for (today, this, next) in [
        ("2026-11-23", "2026-11-29", "2026-12-06"),
        ("2026-11-29", "2026-11-29", "2026-12-06"),
        ("2026-12-31", "2027-01-03", "2027-01-10"),
    ] {
        assert_eq!(sundays(day(today)), (day(this), day(next)), "{today}");
    }
}

fn group(category: Category, region: Region, status: ProjectStatus, phase: Phase) -> Group {
    Group {
        category,
        regions: vec![region],
        target_kinds: vec!["소상공인".to_owned(), "of other rules".to_owned()],
        status,
        phase,
        due: Due::Later,
        has_text: false,
        count: 10,
        earliest_deadline: Some(day("2026-11-20")),
    }
}

#[test]
fn choices_of_a_filter_are_counted_without_it() {
    use ProjectStatus::{Ended, Ongoing};
    let groups = [
        group(Category::Technology, Region::Busan, Ongoing, Phase::Open),
        group(Category::Export, Region::Nationwide, Ongoing, Phase::Closed),
        group(Category::Export, Region::Seoul, Ended, Phase::Ended),
    ];
    let filter = Filter {
        categories: vec![Category::Technology],
        phases: vec![Phase::Open, Phase::Closed],
        ..Filter::default()
    };
    let facets = count(&groups, &filter, day("2026-11-23"));
    assert_eq!(facets.total, 10);
    assert_eq!(facets.due, [0, 0, 10, 0, 0]);
    let of = |category| facets.categories[index(&Category::ALL, category)];
    assert_eq!((of(Category::Technology), of(Category::Export)), (10, 10));
    assert_eq!(facets.statuses, [0, 10, 0]);
    assert_eq!(facets.overdue, 0);
    assert_eq!(facets.targets[1], 10);
    let busan = facets
        .regions
        .iter()
        .find(|found| found.region == Region::Busan);
    assert_eq!(busan.map(|found| (found.count, found.own)), Some((10, 10)));

    let all = count(&groups, &Filter::default(), day("2026-11-23"));
    assert_eq!((all.total, all.overdue), (30, 10));
    assert_eq!(all.overdue_since, Some(day("2026-11-20")));
    let busan = all
        .regions
        .iter()
        .find(|found| found.region == Region::Busan);
    assert_eq!(busan.map(|found| (found.count, found.own)), Some((20, 10)));
    let nationwide = &all.regions[0];
    assert_eq!((nationwide.count, nationwide.own), (10, 10));
    assert_eq!(
        all.regions.len(),
        Region::all_on(day("2026-11-23")).len() + 1
    );

    let of_targets = |targets: &[&str]| {
        let filter = Filter {
            targets: targets.iter().map(|text| search::target(text)).collect(),
            ..Filter::default()
        };
        let total = count(&groups, &filter, day("2026-11-23")).total;
        (total, texts_of_targets(&filter).len())
    };
    assert_eq!(of_targets(&["소상공인", "청년"]), (30, 0));
    assert_eq!(of_targets(&["청년"]), (0, 0));
    // The database decides about other texts.
    assert_eq!(of_targets(&["소상공인", "상인"]), (0, 2));

    let overdue = Filter {
        overdue: true,
        ..Filter::default()
    };
    let overdue = count(&groups, &overdue, day("2026-11-23"));
    assert_eq!((overdue.total, overdue.overdue), (10, 10));
    // The way back to all of them.
    assert_eq!(overdue.phases.iter().sum::<i64>(), 30);
}
