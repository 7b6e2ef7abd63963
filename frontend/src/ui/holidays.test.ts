import { beforeAll, expect, it } from 'vitest';
import { language } from '@/texts/texts';
import { holidayOf, restDayOf } from './holidays';

beforeAll(() => {
  language.value = 'ko';
});

it.each([
  ['2026-03-02', '대체공휴일(3·1절)'],
  ['2026-06-03', '지방선거일'],
  ['2026-12-25', '성탄절'],
  ['2027-02-09', '대체공휴일(설날)'],
  ['2027-05-03', '대체공휴일(노동절)'],
  ['2027-12-27', '대체공휴일(성탄절)'],
  ['2028-10-05', '대체공휴일(추석)'],
  ['2030-06-12', '지방선거일'],
])('%s is a holiday: %s', (day, name) => {
  expect(holidayOf(day)).toBe(name);
});

it('a working day has no name, a weekend has one', () => {
  expect(['2026-06-08', '2026-09-28', '2027-01-04'].map(restDayOf)).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect([restDayOf('2027-01-09'), restDayOf('2027-01-10')]).toEqual(['토요일', '일요일']);
});
