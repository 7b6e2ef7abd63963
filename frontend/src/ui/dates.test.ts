import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addDays, formatDay } from '@/texts/format';
import { language } from '@/texts/texts';
import { addMonths, dayAfterKey, parseDay, weeksOf } from './dates';

const TODAY = '2026-03-04';

describe('a typed day', () => {
  it.each([
    ['2026. 3. 10.(화)', '2026-03-10'],
    ['2026.\u00A03.\u00A010.(화)', '2026-03-10'],
    ['2026-03-10', '2026-03-10'],
    ['2026/3/10', '2026-03-10'],
    ['2026.3.10', '2026-03-10'],
    ['20260310', '2026-03-10'],
    ['260310', '2026-03-10'],
    ['26.3.10', '2026-03-10'],
    ['2026년 3월 10일', '2026-03-10'],
    ['3월 10일 화요일', '2026-03-10'],
    ['3/10', '2026-03-10'],
    ['3. 10.(화)', '2026-03-10'],
    ['0310', '2026-03-10'],
    ['３．１０', '2026-03-10'],
    ['10일', '2026-03-10'],
    ['3일', '2026-04-03'],
    ['1월 5일', '2027-01-05'],
    ['2/29', '2028-02-29'],
    ['오늘', TODAY],
    ['내일', '2026-03-05'],
    ['모레', '2026-03-06'],
    ['10 Mar', '2026-03-10'],
    ['Tue 10 Mar 2026', '2026-03-10'],
    ['March 10, 2026', '2026-03-10'],
  ])('%s is %s', (text, day) => {
    expect(parseDay(text, TODAY)).toBe(day);
  });

  it.each(['', '2월 30일', '2026-13-01', '삼월', '3월', '다음 주', '2026', '1', '3/10/2026/1'])(
    '%s is no day',
    (text) => {
      expect(parseDay(text, TODAY)).toBeUndefined();
    },
  );

  it.each(['ko', 'en'] as const)('is read back as it is shown in %s', (spoken) => {
    language.value = spoken;
    fc.assert(
      fc.property(fc.integer({ min: -400, max: 2000 }), (days) => {
        const day = addDays(TODAY, days);
        expect(parseDay(formatDay(day, { year: true }), TODAY)).toBe(day);
      }),
    );
  });
});

describe('the calendar', () => {
  it('has whole weeks from Sunday', () => {
    const weeks = weeksOf('2026-03-01');
    expect(weeks).toHaveLength(5);
    expect(weeks[0]?.[0]).toBe('2026-03-01');
    expect(weeks[4]).toEqual(['2026-03-29', '2026-03-30', '2026-03-31', null, null, null, null]);
  });

  it('stays in the month when a longer one precedes', () => {
    expect(addMonths('2026-01-31', 1)).toBe('2026-02-28');
    expect(addMonths('2026-03-31', -1)).toBe('2026-02-28');
    expect(addMonths('2026-12-15', 1)).toBe('2027-01-15');
  });

  it('moves by day, week and month', () => {
    const moves = ['ArrowLeft', 'ArrowDown', 'PageDown', 'Home', 'End', 'Tab'];
    expect(moves.map((key) => dayAfterKey(TODAY, key))).toEqual([
      '2026-03-03',
      '2026-03-11',
      '2026-04-04',
      '2026-03-01',
      '2026-03-07',
      undefined,
    ]);
  });
});
