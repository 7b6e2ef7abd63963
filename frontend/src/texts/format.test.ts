import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import * as format from './format';
import { setLanguage } from './texts';

const plain = (text: string): string => text.replaceAll('\u00A0', ' ').replaceAll('\u2060', '');

describe('formats', () => {
  beforeEach(() => setLanguage('ko'));

  it('writes days as people in Korea do, and never breaks them', () => {
    expect(plain(format.formatDay('2026-03-04', { year: true }))).toBe('2026. 3. 4.(수)');
    expect(format.formatDay('2026-03-04', { year: false })).not.toContain(' ');
    expect(plain(format.formatRange('2026-02-09', '2026-03-07'))).toMatch(
      /2\. 9\.\(월\) ~ .*3\. 7\.\(토\)$/u,
    );
  });

  it('counts days in Seoul, wherever the browser is', () => {
    expect(format.dayOf('2026-03-03T15:00:00Z')).toBe('2026-03-04');
    expect(format.dayOf('2026-03-03T14:59:59Z')).toBe('2026-03-03');
  });

  it('adds days over the ends of months and years', () => {
    fc.assert(
      fc.property(fc.integer({ min: -800, max: 800 }), (days) => {
        expect(format.daysBetween('2026-02-28', format.addDays('2026-02-28', days))).toBe(days);
      }),
    );
  });

  it('writes money in units of ten thousand', () => {
    expect(plain(format.formatMoney(120_000_000))).toBe('1억 2,000만 원');
    expect(plain(format.formatMoney(15_000_000))).toBe('1,500만 원');
    expect(plain(format.formatMoney(1_000_000_000_000))).toBe('1조 원');
    expect(plain(format.formatMoney(0))).toBe('0 원');
  });

  it('writes phones with dashes, masked or not', () => {
    expect(format.formatPhone('+821012345678')).toBe('010-1234-5678');
    expect(format.formatPhone('010****5678')).toBe('010-****-5678');
    expect(format.formatPhone('+8250712345670')).toBe('0507-1234-5670');
  });

  it('says a wait in words', () => {
    expect(format.formatDuration(125 * 60_000)).toBe('2시간 5분');
    expect(format.formatDuration(50 * 3_600_000)).toBe('2일');
  });
});
