//! The line that a salesman can say for each programme of a card.
//!
//! A line begins with one fact and goes on with at most two others, of which one is until when the
//! programme is open. Two lines of a card begin differently if anything differs between them.

use std::collections::HashSet;

use chrono::NaiveDate;
use service_kit::http::problem::Language;

use super::clause::{Clause, Subject, clauses};
use super::programme::Programme;
use super::traits::{Mark, Traits};

/// With how many facts a line goes on.
const MAX_OTHERS: usize = 2;

/// The order in which a line prefers to begin.
const OPENINGS: [Subject; 8] = [
    Subject::Urgent,
    Subject::Fit,
    Subject::OnlyRegions,
    Subject::Years,
    Subject::Money,
    Subject::Timing,
    Subject::Nationwide,
    Subject::Agency,
];

/// One line for each programme, in the language of the salesman.
pub(crate) fn pitch_lines(
    programmes: &[Programme<'_>],
    traits: &Traits,
    marks: &[Mark],
    today: NaiveDate,
    language: Language,
) -> Vec<String> {
    let of_programme = |programme| clauses(programme, traits, marks, today, language);
    let facts: Vec<Vec<Clause>> = programmes.iter().map(of_programme).collect();
    let openings = choose_openings(&facts, language);
    let lines = facts.iter().zip(openings);
    lines
        .map(|(facts, opening)| line(facts, &opening, language))
        .collect()
}

/// The facts with which each line begins, by their positions.
///
/// A programme with few facts chooses first. What it can say with all of them, none of the others
/// can have said before, unless it has the same facts.
fn choose_openings(facts: &[Vec<Clause>], language: Language) -> Vec<Vec<usize>> {
    let mut openings = vec![Vec::new(); facts.len()];
    let mut order: Vec<usize> = (0..facts.len()).collect();
    order.sort_by_key(|index| facts[*index].len());
    let mut taken = HashSet::new();
    let mut subjects: Vec<Subject> = Vec::new();
    for index in order {
        let clauses = &facts[index];
        let mut candidates = candidates(clauses, &subjects);
        let is_free = |opening: &Vec<usize>| !taken.contains(&said(clauses, opening, language));
        let chosen = candidates.iter().position(is_free).unwrap_or(0);
        let opening = candidates.swap_remove(chosen);
        taken.insert(said(clauses, &opening, language));
        subjects.extend(opening.iter().map(|at| clauses[*at].subject));
        openings[index] = opening;
    }
    openings
}

/// What a line may begin with, the best first: one fact, of a subject that few lines began with;
/// two of them; or all.
fn candidates(clauses: &[Clause], used: &[Subject]) -> Vec<Vec<usize>> {
    let mut single: Vec<usize> = (0..clauses.len()).collect();
    single.sort_by_key(|at| {
        let subject = clauses[*at].subject;
        let uses = used.iter().filter(|used| **used == subject).count();
        let preference = OPENINGS.iter().position(|opening| *opening == subject);
        // Nothing is more important than a deadline within a week.
        (subject != Subject::Urgent, uses, preference)
    });
    let pairs = single.iter().enumerate().flat_map(|(number, first)| {
        let others = single[number + 1..].iter();
        others.map(|second| vec![*first, *second])
    });
    let ones = single.iter().map(|at| vec![*at]);
    let all = (0..clauses.len()).collect();
    ones.chain(pairs).chain([all]).collect()
}

/// The facts at these positions as one sentence.
fn said(clauses: &[Clause], positions: &[usize], language: Language) -> String {
    let Some((last, before)) = positions.split_last() else {
        return String::new();
    };
    let before = before.iter().map(|at| clauses[*at].linked.as_str());
    let parts: Vec<&str> = before.chain([clauses[*last].last.as_str()]).collect();
    let sentence = parts.join(" ") + ".";
    match language {
        Language::Korean => sentence,
        Language::English => {
            let mut letters = sentence.chars();
            let first = letters.next().map(char::to_uppercase);
            first.into_iter().flatten().chain(letters).collect()
        }
    }
}

fn line(clauses: &[Clause], opening: &[usize], language: Language) -> String {
    let others = (0..clauses.len()).filter(|at| !opening.contains(at));
    let others: Vec<usize> = others.take(MAX_OTHERS).collect();
    let sentences = [opening, &others].map(|part| said(clauses, part, language));
    sentences.join(" ").trim_end().to_owned()
}
