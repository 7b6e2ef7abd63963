import { expect, it } from 'vitest';
import { sortOutcomes } from './outcomes';

const person = (displayName: string, succeeded: number, successRate: number | null) => ({
  id: displayName,
  displayName,
  active: true,
  succeeded,
  failed: 0,
  successRate,
  openCount: 0,
  capacity: 8,
});
const people = [person('하늘', 2, 0.5), person('가온', 2, 0.9), person('도윤', 0, null)];
const namesOf = (rows: { displayName: string }[]): string[] => rows.map((it) => it.displayName);

it('sorts by number, and equal ones by name', () => {
  expect(namesOf(sortOutcomes(people, 'succeeded', true))).toEqual(['가온', '하늘', '도윤']);
});

it('puts those without a rate last in either direction', () => {
  expect(namesOf(sortOutcomes(people, 'successRate', true))).toEqual(['가온', '하늘', '도윤']);
  expect(namesOf(sortOutcomes(people, 'successRate', false))).toEqual(['하늘', '가온', '도윤']);
});

it('sorts names in both directions', () => {
  expect(namesOf(sortOutcomes(people, 'displayName', true))).toEqual(['하늘', '도윤', '가온']);
});
