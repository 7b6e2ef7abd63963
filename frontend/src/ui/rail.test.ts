import { describe, expect, it } from 'vitest';
import { bars, position, ticks, weeksAxis, yearAxis } from './rail';

// A Wednesday.
const TODAY = '2026-03-04';
const axis = weeksAxis(TODAY);

const rounded = (values: ReturnType<typeof bars>) =>
  values.map((bar) => [bar.shape, Math.round(bar.start * 100), Math.round(bar.width * 100)]);

describe('the axis of a list', () => {
  it('goes from two weeks back to six ahead and begins on Monday', () => {
    expect(axis).toMatchObject({ from: '2026-02-16', until: '2026-04-13' });
    expect(weeksAxis('2026-03-02').from).toBe('2026-02-16');
    expect(weeksAxis('2026-03-08').from).toBe('2026-02-16');
    expect(weeksAxis('2026-03-09').from).toBe('2026-02-23');
  });

  it('has no mark where the word for today is', () => {
    expect(ticks(axis).map((tick) => tick.day)).toEqual([
      '2026-02-16',
      '2026-03-16',
      '2026-03-30',
      '2026-04-13',
    ]);
  });
});

describe('a rail', () => {
  it('is past until today and open after it', () => {
    const drawn = bars(axis, { phase: 'open', startsOn: '2026-02-20', endsOn: '2026-03-20' });
    expect(rounded(drawn)).toEqual([
      ['past', 714, 2143],
      ['solid', 2857, 3036],
    ]);
    expect(drawn.map((bar) => [bar.cutStart, bar.cutEnd])).toEqual([
      [false, true],
      [true, false],
    ]);
  });

  it('shows the last day as a whole day', () => {
    const drawn = bars(axis, { phase: 'closing', startsOn: '2026-02-01', endsOn: TODAY });
    expect(rounded(drawn)).toEqual([
      ['past', 0, 2857],
      ['solid', 2857, 179],
    ]);
  });

  it('is cut where it goes on beyond the axis', () => {
    const drawn = bars(axis, { phase: 'open', startsOn: '2026-01-02', endsOn: '2026-04-29' });
    expect(drawn.at(0)?.cutStart).toBe(true);
    expect(drawn.at(-1)).toMatchObject({ cutEnd: true });
    expect(bars(axis, { phase: 'open', startsOn: TODAY }).at(-1)?.cutEnd).toBe(true);
  });

  it('is empty where nothing of the period is on the axis', () => {
    expect(bars(axis, { phase: 'closed', startsOn: '2025-01-02', endsOn: '2025-02-01' })).toEqual(
      [],
    );
    expect(bars(axis, { phase: 'upcoming', startsOn: '2026-09-01', endsOn: null })).toEqual([]);
    expect(bars(axis, { phase: 'upcoming', startsOn: null, endsOn: null })).toEqual([]);
  });

  it('covers the axis where there is no last day', () => {
    expect(rounded(bars(axis, { phase: 'until_budget' }))).toEqual([['until_budget', 0, 10000]]);
    expect(rounded(bars(axis, { phase: 'always', endsOn: '2026-03-01' }))).toEqual([
      ['always', 0, 10000],
    ]);
  });
});

describe('the axis of a year', () => {
  it('knows today only in the year itself', () => {
    expect(yearAxis(2026, TODAY).today).toBe(TODAY);
    expect(yearAxis(2025, TODAY).today).toBeNull();
  });

  it('puts the same day of different years at about the same place', () => {
    const [leap, common] = [2024, 2025].map((year) =>
      position(yearAxis(year, TODAY), `${year}-07-01`),
    );
    expect(Math.abs((leap ?? 0) - (common ?? 0))).toBeLessThan(0.3);
  });

  it('does not split an open edition at today', () => {
    const drawn = bars(yearAxis(2026, TODAY), {
      phase: 'closing',
      startsOn: '2026-02-23',
      endsOn: '2026-03-11',
    });
    expect(drawn.map((bar) => bar.shape)).toEqual(['solid']);
  });
});
