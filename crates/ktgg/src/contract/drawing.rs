//! The board as a picture: one lane for each service, notes in the colours of an event storming, and numbers where arrows would tangle.

use std::fmt::Write as _;

use super::board::{Board, Command, Happening, Lane, Reaction};

/// All lengths are pixels of a page that is this wide.
const WIDTH: f64 = 1440.0;
const MARGIN: f64 = 28.0;
const PADDING: f64 = 20.0;
const TOP: f64 = 104.0;
const LANE_GAP: f64 = 22.0;
const LANE_HEAD: f64 = 46.0;

/// Two columns of commands, each with the small notes of its actors in front.
const ACTORS: f64 = 132.0;
const COMMAND: f64 = 184.0;
const COMMAND_COLUMN: f64 = ACTORS + COMMAND + 18.0;
const ROW: f64 = 60.0;
const NOTE: f64 = 50.0;

const AGGREGATE_X: f64 = 748.0;
const AGGREGATE: f64 = 136.0;
const AGGREGATE_HEIGHT: f64 = 84.0;

/// Two columns of events.
const EVENTS_X: f64 = 938.0;
const EVENT: f64 = 220.0;
const EVENT_COLUMN: f64 = EVENT + 12.0;
const EVENT_ROW: f64 = 72.0;
const EVENT_NOTE: f64 = 62.0;

const POLICY_NOTE: f64 = 60.0;
const POLICY_GAP: f64 = 12.0;
/// The word in front of the policies takes this much.
const POLICIES_X: f64 = MARGIN + PADDING + 92.0;
const BADGE: f64 = 9.0;
const BADGE_STEP: f64 = 2.0 * BADGE + 3.0;

/// Between what makes a policy react and what follows.
const ARROW: f64 = 20.0;

const BLUE: &str = "#9ccbf7";
const YELLOW: &str = "#ffe48a";
const PALE: &str = "#fff3bf";
const ORANGE: &str = "#ffbb6b";
const LILAC: &str = "#dcc5f7";
const INK: &str = "#22262b";
const SOFT: &str = "#5c6066";

/// First what has good Hangul on each system, then what is there anyway.
const FONTS: &str = "Pretendard, 'Apple SD Gothic Neo', 'Noto Sans KR', 'Noto Sans CJK KR', 'Malgun Gothic', system-ui, sans-serif";

/// The picture.
pub(super) fn svg(board: &Board) -> String {
    let mut drawing = Drawing::default();
    drawing.legend();
    let mut y = TOP;
    for lane in &board.lanes {
        y += drawing.lane(board, lane, y) + LANE_GAP;
    }
    let height = y - LANE_GAP + MARGIN;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\" \
         font-family=\"{FONTS}\" fill=\"{INK}\">\n<title>KT.GG: commands, events and policies of the five services</title>\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#f4f1ea\"/>\n{}</svg>\n",
        drawing.svg
    )
}

#[derive(Default)]
struct Drawing {
    svg: String,
}

/// How a text stands at its place.
#[derive(Clone, Copy)]
struct Type {
    size: f64,
    bold: bool,
    anchor: &'static str,
    colour: &'static str,
}

const NAME: Type = Type {
    size: 13.0,
    bold: true,
    anchor: "start",
    colour: INK,
};
const SMALL: Type = Type {
    size: 10.5,
    bold: false,
    anchor: "start",
    colour: SOFT,
};
const CENTRED: Type = Type {
    size: 14.0,
    bold: true,
    anchor: "middle",
    colour: INK,
};

impl Drawing {
    /// One more line of the picture.
    fn add(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a text cannot fail.
        let _ = self.svg.write_fmt(line);
        self.svg.push('\n');
    }

    fn note(&mut self, x: f64, y: f64, width: f64, height: f64, colour: &str) {
        self.add(format_args!(
            "<rect x=\"{}\" y=\"{}\" width=\"{width}\" height=\"{height}\" rx=\"2\" fill=\"#000\" opacity=\".13\"/>",
            x + 1.5,
            y + 2.5
        ));
        self.add(format_args!("<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"2\" fill=\"{colour}\"/>"));
    }

    fn text(&mut self, x: f64, y: f64, text: &str, it: Type) {
        let weight = if it.bold { " font-weight=\"650\"" } else { "" };
        let (size, anchor, colour) = (it.size, it.anchor, it.colour);
        self.add(format_args!(
            "<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\"{weight} text-anchor=\"{anchor}\" fill=\"{colour}\">{}</text>",
            escaped(text)
        ));
    }

    /// A name on one line or two, in the middle of the height.
    fn name(&mut self, x: f64, middle: f64, width: f64, name: &str, it: Type) {
        let lines = fold(name, width, it);
        let step = it.size + 2.0;
        #[expect(clippy::cast_precision_loss, reason = "a name has few lines")]
        let first = middle + it.size * 0.36 - step * (lines.len() as f64 - 1.0) / 2.0;
        for (line, y) in lines
            .iter()
            .zip((0_i32..).map(|line| first + step * f64::from(line)))
        {
            self.text(x, y, line, it);
        }
    }

    /// The number of an event, by which policies and commands refer to it.
    fn badge(&mut self, x: f64, y: f64, number: usize) {
        self.add(format_args!(
            "<circle cx=\"{x}\" cy=\"{y}\" r=\"{BADGE}\" fill=\"{ORANGE}\" stroke=\"#fff\" stroke-width=\"1.5\"/>"
        ));
        self.text(
            x,
            y + 3.7,
            &number.to_string(),
            Type {
                size: 10.5,
                bold: true,
                anchor: "middle",
                colour: INK,
            },
        );
    }

    /// Instead of a number: the policy looks at the time.
    fn clock(&mut self, x: f64, y: f64) {
        self.add(format_args!(
            "<circle cx=\"{x}\" cy=\"{y}\" r=\"{BADGE}\" fill=\"#fff\" stroke=\"{SOFT}\" stroke-width=\"1.5\"/>"
        ));
        self.add(format_args!(
            "<path d=\"M{x} {} V{y} h4\" fill=\"none\" stroke=\"{INK}\" stroke-width=\"1.5\" stroke-linecap=\"round\"/>",
            y - 5.0
        ));
    }

    fn arrow(&mut self, from: (f64, f64), to: (f64, f64)) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.add(format_args!(
            "<path d=\"M{x1} {y1} L{x2} {y2}\" stroke=\"#9a948a\" stroke-width=\"3\" stroke-linecap=\"round\"/>"
        ));
        let tip = if (y1 - y2).abs() < f64::EPSILON {
            format!("M{} {y2} l-9 -6 v12 z", x2 + 6.0)
        } else {
            format!("M{x2} {} l-6 9 h12 z", y2 - 6.0)
        };
        self.add(format_args!("<path d=\"{tip}\" fill=\"#9a948a\"/>"));
    }

    /// The title, and what each colour means.
    fn legend(&mut self) {
        self.text(MARGIN, 46.0, "KT.GG", Type { size: 26.0, ..NAME });
        let under = Type {
            size: 13.0,
            ..SMALL
        };
        self.text(
            MARGIN,
            70.0,
            "누가 무엇을 하고, 무슨 일이 일어나고, 누가 반응하는가",
            under,
        );
        self.text(
            MARGIN,
            88.0,
            "Who does what, what happens then, and who reacts",
            under,
        );
        let notes = [
            (PALE, "행위자", "Actor", 96.0),
            (BLUE, "명령", "Command", 116.0),
            (YELLOW, "애그리게잇", "Aggregate", 124.0),
            (ORANGE, "이벤트", "Event", 108.0),
            (LILAC, "정책", "Policy", 108.0),
        ];
        let mut x = 700.0;
        for (colour, ko, en, width) in notes {
            self.note(x, 32.0, width, 46.0, colour);
            self.text(
                x + width / 2.0,
                52.0,
                ko,
                Type {
                    size: 13.0,
                    ..CENTRED
                },
            );
            self.text(
                x + width / 2.0,
                68.0,
                en,
                Type {
                    anchor: "middle",
                    ..SMALL
                },
            );
            x += width + 12.0;
        }
        self.badge(x + 10.0, 46.0, 7);
        self.text(x + 24.0, 50.0, "이벤트의 번호", SMALL);
        self.clock(x + 10.0, 68.0);
        self.text(x + 24.0, 72.0, "시간", SMALL);
    }

    /// Draws a lane, and tells its height.
    fn lane(&mut self, board: &Board, lane: &Lane, top: f64) -> f64 {
        let command_rows = rows(lane.commands.len());
        let body = (command_rows * ROW)
            .max(rows(lane.events.len()) * EVENT_ROW)
            .max(AGGREGATE_HEIGHT + 40.0);
        let policies = Placed::of(&lane.policies);
        let strip = policies.height();
        let height = LANE_HEAD + body + strip + PADDING;
        self.add(format_args!(
            "<rect x=\"{MARGIN}\" y=\"{top}\" width=\"{}\" height=\"{height}\" rx=\"10\" fill=\"#fffdf8\" stroke=\"#e2dccd\"/>",
            WIDTH - 2.0 * MARGIN
        ));
        self.text(
            MARGIN + PADDING,
            top + 29.0,
            &lane.service,
            Type { size: 16.0, ..NAME },
        );
        let topic = Type {
            anchor: "end",
            size: 12.0,
            ..SMALL
        };
        self.text(
            WIDTH - MARGIN - PADDING,
            top + 28.0,
            &format!("Kafka · ktgg.{}", lane.service),
            topic,
        );

        let (head, middle) = (top + LANE_HEAD, top + LANE_HEAD + body / 2.0);
        let command_top = middle - command_rows * ROW / 2.0;
        for (command, at) in lane.commands.iter().zip(0..) {
            let (row, column) = place(at);
            // A single one stands next to its aggregate.
            let column = if lane.commands.len() == 1 {
                1.0
            } else {
                column
            };
            let x = MARGIN + PADDING + column * COMMAND_COLUMN;
            self.command(
                board,
                command,
                x,
                command_top + row * ROW + (ROW - NOTE) / 2.0,
            );
        }
        self.note(
            AGGREGATE_X,
            middle - AGGREGATE_HEIGHT / 2.0,
            AGGREGATE,
            AGGREGATE_HEIGHT,
            YELLOW,
        );
        self.name(
            AGGREGATE_X + AGGREGATE / 2.0,
            middle - 8.0,
            AGGREGATE - 12.0,
            &lane.aggregate,
            CENTRED,
        );
        let ko = Type {
            anchor: "middle",
            size: 12.0,
            ..SMALL
        };
        self.text(
            AGGREGATE_X + AGGREGATE / 2.0,
            middle + 22.0,
            korean(&lane.service),
            ko,
        );
        let event_top = middle - rows(lane.events.len()) * EVENT_ROW / 2.0;
        for (event, at) in lane.events.iter().zip(0..) {
            let (row, column) = place(at);
            let y = event_top + row * EVENT_ROW + (EVENT_ROW - EVENT_NOTE) / 2.0;
            self.event(board, event, EVENTS_X + column * EVENT_COLUMN, y);
        }
        if !lane.commands.is_empty() {
            self.arrow((AGGREGATE_X - 38.0, middle), (AGGREGATE_X - 12.0, middle));
        }
        self.arrow(
            (AGGREGATE_X + AGGREGATE + 10.0, middle),
            (EVENTS_X - 16.0, middle),
        );
        if strip > 0.0 {
            self.strip(board, &policies, head + body, strip);
            let x = AGGREGATE_X + AGGREGATE / 2.0;
            self.arrow(
                (x, head + body + 12.0),
                (x, middle + AGGREGATE_HEIGHT / 2.0 + 14.0),
            );
        }
        height
    }

    fn command(&mut self, board: &Board, command: &Command, x: f64, y: f64) {
        let (chip, step) = (63.0, 66.0);
        let chip_rows = rows(command.actors.len());
        for (actor, at) in command.actors.iter().zip(0..) {
            let (row, column) = place(at);
            // A single column stands next to its command.
            let column = if command.actors.len() == 1 {
                1.0
            } else {
                column
            };
            let (left, top) = (
                x + column * step,
                y + (NOTE - chip_rows * 25.0) / 2.0 + row * 25.0 + 1.5,
            );
            self.note(left, top, chip, 21.0, PALE);
            let it = Type {
                size: 10.5,
                bold: false,
                ..CENTRED
            };
            self.text(left + chip / 2.0, top + 14.5, &capital(actor), it);
        }
        let x = x + ACTORS + 2.0;
        self.note(x, y, COMMAND, NOTE, BLUE);
        let numbers = caused(board, &command.events);
        let taken = badges(numbers.len());
        self.name(
            x + 10.0,
            y + NOTE / 2.0,
            COMMAND - 18.0 - taken,
            &command.name,
            NAME,
        );
        let mut at = x + COMMAND - 8.0 - taken + BADGE + 1.0;
        for number in numbers {
            self.badge(at, y + NOTE / 2.0, number);
            at += BADGE_STEP;
        }
    }

    fn event(&mut self, board: &Board, event: &Happening, x: f64, y: f64) {
        self.note(x, y, EVENT, EVENT_NOTE, ORANGE);
        self.badge(x + 18.0, y + 20.0, event.number);
        self.name(x + 34.0, y + 20.0, EVENT - 40.0, &event.name, NAME);
        let mut readers: Vec<&str> = Vec::new();
        for (lane, _) in board
            .policies()
            .filter(|(_, policy)| policy.whenever.contains(&event.number))
        {
            if !readers.contains(&lane.service.as_str()) {
                readers.push(&lane.service);
            }
        }
        let it = Type {
            size: 10.0,
            colour: "#6b4310",
            ..SMALL
        };
        let text = if readers.is_empty() {
            "→ stream".to_owned()
        } else {
            format!("→ {}", readers.join(", "))
        };
        for (line, at) in fold_words(&text, EVENT - 20.0, it).iter().zip(0_i32..) {
            self.text(x + 10.0, y + 41.0 + 12.0 * f64::from(at), line, it);
        }
    }

    fn strip(&mut self, board: &Board, policies: &Placed<'_>, top: f64, height: f64) {
        self.add(format_args!(
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"6\" fill=\"#f5effc\"/>",
            MARGIN + PADDING,
            top + 12.0,
            WIDTH - 2.0 * (MARGIN + PADDING),
            height - 12.0
        ));
        self.text(
            MARGIN + PADDING + 14.0,
            top + 42.0,
            "…할 때마다",
            Type { size: 12.0, ..NAME },
        );
        self.text(
            MARGIN + PADDING + 14.0,
            top + 58.0,
            "whenever",
            Type {
                size: 11.0,
                ..SMALL
            },
        );
        for (policy, x, row, width) in &policies.notes {
            let y = top + 22.0 + row * (POLICY_NOTE + POLICY_GAP);
            self.note(*x, y, *width, POLICY_NOTE, LILAC);
            self.text(x + 10.0, y + 22.0, &policy.name, NAME);
            let mut at = x + 10.0 + BADGE;
            if policy.whenever.is_empty() {
                self.clock(at, y + 42.0);
            }
            for number in &policy.whenever {
                self.badge(at, y + 42.0, *number);
                at += BADGE_STEP;
            }
            let causes = caused(board, &policy.causes);
            if !causes.is_empty() {
                at += if policy.whenever.is_empty() {
                    BADGE_STEP
                } else {
                    0.0
                };
                self.text(
                    at - 7.0,
                    y + 46.5,
                    "→",
                    Type {
                        size: 13.0,
                        ..SMALL
                    },
                );
                at += ARROW;
            }
            for number in causes {
                self.badge(at, y + 42.0, number);
                at += BADGE_STEP;
            }
        }
    }
}

/// Policies from left to right, in as many rows as they need.
struct Placed<'a> {
    /// Each with its left edge, its row and its width.
    notes: Vec<(&'a Reaction, f64, f64, f64)>,
    rows: f64,
}

impl<'a> Placed<'a> {
    fn of(policies: &'a [Reaction]) -> Self {
        let right = WIDTH - MARGIN - PADDING - 10.0;
        let (mut x, mut row, mut notes) = (POLICIES_X, 0.0, Vec::new());
        for policy in policies {
            let causes = if policy.causes.is_empty() {
                0.0
            } else {
                badges(policy.causes.len()) + ARROW
            };
            let under = badges(policy.whenever.len().max(1)) + causes;
            let width = (measure(&policy.name, NAME) + 22.0)
                .max(under + 22.0)
                .max(130.0)
                .ceil();
            if x + width > right && x > POLICIES_X {
                (x, row) = (POLICIES_X, row + 1.0);
            }
            notes.push((policy, x, row, width));
            x += width + POLICY_GAP;
        }
        Self {
            rows: if notes.is_empty() { 0.0 } else { row + 1.0 },
            notes,
        }
    }

    fn height(&self) -> f64 {
        if self.rows > 0.0 {
            32.0 + self.rows * (POLICY_NOTE + POLICY_GAP) - POLICY_GAP
        } else {
            0.0
        }
    }
}

/// The numbers of events by their names.
fn caused(board: &Board, names: &[String]) -> Vec<usize> {
    board
        .events()
        .filter(|(_, event)| names.contains(&event.name))
        .map(|(_, event)| event.number)
        .collect()
}

/// How many rows of two.
#[expect(clippy::cast_precision_loss, reason = "a lane has few notes")]
fn rows(count: usize) -> f64 {
    count.div_ceil(2) as f64
}

/// Row and column of a note in two columns.
fn place(at: i32) -> (f64, f64) {
    (f64::from(at / 2), f64::from(at % 2))
}

/// How much room that many badges take.
#[expect(clippy::cast_precision_loss, reason = "there are few events")]
fn badges(count: usize) -> f64 {
    count as f64 * BADGE_STEP
}

/// The domain's own word for what a service keeps.
fn korean(service: &str) -> &'static str {
    match service {
        "project" => "지원사업",
        "interest" => "관심",
        "consultation" => "상담",
        "salesman-match" => "영업대표 매칭",
        "salesman" => "영업대표 · 컨설턴트",
        _ => "",
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

/// About how wide a text will be. Wider than with any of the fonts, so that nothing runs over its note.
fn measure(text: &str, it: Type) -> f64 {
    let of = |letter: char| match letter {
        'i' | 'j' | 'l' | 't' | 'f' | 'r' | ' ' | '.' | '·' => 0.36,
        'm' | 'w' | 'M' | 'W' => 0.92,
        _ if letter.is_ascii_uppercase() => 0.72,
        _ if letter.is_ascii() => 0.6,
        _ => 1.0,
    };
    text.chars().map(of).sum::<f64>() * it.size
}

/// A name on one line, or broken before one of its capitals.
fn fold(name: &str, width: f64, it: Type) -> Vec<String> {
    if measure(name, it) <= width {
        return vec![name.to_owned()];
    }
    let humps = name
        .char_indices()
        .skip(1)
        .filter(|(_, letter)| letter.is_ascii_uppercase())
        .map(|(at, _)| at);
    // The last break at which the first line still fits.
    match humps.filter(|at| measure(&name[..*at], it) <= width).last() {
        Some(at) => [vec![name[..at].to_owned()], fold(&name[at..], width, it)].concat(),
        None => vec![name.to_owned()],
    }
}

/// A text on as many lines as it needs, broken between words.
fn fold_words(text: &str, width: f64, it: Type) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if measure(&format!("{line} {word}"), it) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_too_long_is_broken_before_a_capital() {
        let width = measure("Progress", NAME) + 1.0;
        assert_eq!(
            fold("ProgressConsultation", width, NAME),
            ["Progress", "Consultation"]
        );
        assert_eq!(fold("Edit", width, NAME), ["Edit"]);
        assert_eq!(fold("unbreakable", 1.0, NAME), ["unbreakable"]);
    }

    #[test]
    fn policies_that_do_not_fit_beside_each_other_go_to_the_next_row() {
        let policy = |number: usize| Reaction {
            name: format!("KeepSomething{number}"),
            whenever: vec![number],
            causes: Vec::new(),
            does: Vec::new(),
        };
        let policies: Vec<Reaction> = (0..12).map(policy).collect();
        let placed = Placed::of(&policies);
        assert!(placed.rows > 1.0);
        for pair in placed.notes.windows(2) {
            let ((_, x, row, width), (_, next, next_row, _)) = (&pair[0], &pair[1]);
            assert!(x + width < *next || next_row > row, "they overlap");
            assert!(x + width <= WIDTH - MARGIN, "it runs out of its lane");
        }
    }

    #[test]
    fn a_text_is_no_markup() {
        assert_eq!(escaped("a<b & c>"), "a&lt;b &amp; c&gt;");
    }
}
