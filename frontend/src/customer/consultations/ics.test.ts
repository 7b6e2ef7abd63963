import { describe, expect, it } from 'vitest';
import { icsOf } from './ics';

const day = {
  id: '0193a5d0-8c5e-7b64-9a3f-5f2c1b7e4d01',
  version: 3,
  on: '2026-12-31',
  title: '상담: 스마트상점',
  description: '담당 김하늘',
  url: 'https://kt.gg/customer/consultations',
};
const now = new Date('2026-12-01T15:00:01.234Z');

/** The logical lines, unfolded. */
function linesOf(text: string): string[] {
  return text.replaceAll('\r\n ', '').split('\r\n');
}

describe('icsOf', () => {
  it('fills the day in Seoul and ends before the next day', () => {
    const lines = linesOf(icsOf(day, now));
    expect(lines).toContain('DTSTART;VALUE=DATE:20261231');
    expect(lines).toContain('DTEND;VALUE=DATE:20270101');
  });

  it('stamps the file in UTC', () => {
    expect(linesOf(icsOf(day, now))).toContain('DTSTAMP:20261201T150001Z');
  });

  it('keeps the id and counts the version, so a calendar replaces it', () => {
    const lines = linesOf(icsOf(day, now));
    expect(lines).toContain(`UID:${day.id}@kt.gg`);
    expect(lines).toContain('SEQUENCE:3');
  });

  it('ends every line by CR LF', () => {
    const text = icsOf(day, now);
    expect(text.endsWith('END:VCALENDAR\r\n')).toBe(true);
    expect(text.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/u);
  });

  it('escapes what has a meaning in a value', () => {
    const text = icsOf({ ...day, title: 'A, B; C\\D', description: 'one\ntwo\r\nthree' }, now);
    expect(linesOf(text)).toContain(String.raw`SUMMARY:A\, B\; C\\D`);
    expect(linesOf(text)).toContain(String.raw`DESCRIPTION:one\ntwo\nthree`);
  });

  it('folds long lines at 75 octets without cutting a letter', () => {
    const title = '[경북] 2026년 지역주력산업 중소기업 제조 데이터 기반 인공지능 공정개선 실증 🙂';
    const text = icsOf({ ...day, title }, now);
    const size = (line: string): number => new TextEncoder().encode(line).length;
    expect(Math.max(...text.split('\r\n').map(size))).toBeLessThanOrEqual(75);
    expect(text).not.toContain('\uFFFD');
    expect(linesOf(text)).toContain(`SUMMARY:${title}`);
  });
});
