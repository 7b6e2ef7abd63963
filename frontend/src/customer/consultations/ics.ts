import { addDays, type Day } from '@/texts/format';

/** A day for the calendar of a person. */
export interface CalendarDay {
  /** The same for each version of the entry, so that a calendar replaces the older one. */
  id: string;
  version: number;
  /** A day in Seoul. It has no time: the entry fills the day wherever the calendar is. */
  on: Day;
  title: string;
  description: string;
  url: string;
}

/** The longest line of RFC 5545, in octets without the line break. */
const LONGEST = 75;

const encoder = new TextEncoder();

/** A text as the value of a property. */
function escaped(text: string): string {
  return text
    .replace(/[\\;,]/gu, (letter) => `\\${letter}`)
    .replace(/\r\n|\r|\n/gu, String.raw`\n`);
}

/** A line in pieces of at most 75 octets. No letter is cut. */
function folded(line: string): string {
  const pieces: string[] = [];
  let piece = '';
  let size = 0;
  for (const letter of line) {
    const octets = encoder.encode(letter).length;
    if (size + octets > LONGEST) {
      pieces.push(piece);
      // The space at the beginning of the next line counts.
      piece = ' ';
      size = 1;
    }
    piece += letter;
    size += octets;
  }
  return [...pieces, piece].join('\r\n');
}

/** `20261201T060000Z`. */
function stamp(at: Date): string {
  return at.toISOString().replace(/[-:]|\.\d+/gu, '');
}

/** The day as an iCalendar file (RFC 5545). `now` is when it is made. */
export function icsOf(day: CalendarDay, now: Date): string {
  const date = (value: Day): string => value.replaceAll('-', '');
  const lines = [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//KT.GG//Consultations//KO',
    'CALSCALE:GREGORIAN',
    'METHOD:PUBLISH',
    'BEGIN:VEVENT',
    `UID:${day.id}@kt.gg`,
    `SEQUENCE:${day.version}`,
    `DTSTAMP:${stamp(now)}`,
    `DTSTART;VALUE=DATE:${date(day.on)}`,
    // The end is the first day that the entry does not fill.
    `DTEND;VALUE=DATE:${date(addDays(day.on, 1))}`,
    `SUMMARY:${escaped(day.title)}`,
    `DESCRIPTION:${escaped(day.description)}`,
    `URL:${day.url}`,
    'TRANSP:TRANSPARENT',
    'END:VEVENT',
    'END:VCALENDAR',
  ];
  return lines.map((line) => `${folded(line)}\r\n`).join('');
}
