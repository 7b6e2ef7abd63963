import { describe, expect, it } from 'vitest';
import { lengthOf, rangeBefore, rangeOf, shareOf, weeksOf, type Part } from './period';

const day = (from: string, interests = 1): Part => ({
  from,
  until: from,
  interests,
  reached: { applied: 2, approved: 1, succeeded: 0 },
  failed: 1,
  cancelled: 0,
});

describe('the days of a period', () => {
  it('begin on Monday, 29 days ago, or on New Year', () => {
    expect(rangeOf('week', '2026-12-06')).toEqual({ from: '2026-11-30', until: '2026-12-06' });
    expect(rangeOf('week', '2026-11-30')).toEqual({ from: '2026-11-30', until: '2026-11-30' });
    expect(lengthOf(rangeOf('month', '2026-03-01'))).toBe(30);
    expect(rangeOf('year', '2026-03-04').from).toBe('2026-01-01');
  });

  it('are compared with as many days right before', () => {
    const before = rangeBefore({ from: '2026-03-01', until: '2026-03-04' });
    expect(before).toEqual({ from: '2026-02-25', until: '2026-02-28' });
    expect(lengthOf(before)).toBe(4);
  });
});

describe('days summed up to weeks', () => {
  it('end on Sunday, and the first may be short', () => {
    const days = ['2026-12-05', '2026-12-06', '2026-12-07', '2026-12-08'].map((it) => day(it));
    const weeks = weeksOf(days);
    expect(weeks.map(({ from, until }) => [from, until])).toEqual([
      ['2026-12-05', '2026-12-06'],
      ['2026-12-07', '2026-12-08'],
    ]);
    expect(weeks[0]).toMatchObject({
      interests: 2,
      reached: { applied: 4, approved: 2, succeeded: 0 },
      failed: 2,
    });
  });

  it('are none without days', () => {
    expect(weeksOf([])).toEqual([]);
  });
});

it('has no share of nothing', () => {
  expect(shareOf(0, 0)).toBeUndefined();
  expect(shareOf(1, 4)).toBe(0.25);
});
