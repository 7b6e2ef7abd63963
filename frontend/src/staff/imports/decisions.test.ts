import { describe, expect, it } from 'vitest';
import { commitBody, countCommitted, countTaken, decisionOf, type Decisions } from './decisions';

const counts = {
  create: 10,
  edit: 2,
  same: 5,
  fillsPlanned: 4,
  error: 1,
  skipped: 0,
  warnings: 0,
};

describe('decisions about rows that fill an expected edition', () => {
  it('skip what was not decided', () => {
    const none: Decisions = { byRow: new Map(), rest: 'skip' };
    expect(decisionOf(none, '1')).toBe('skip');
    expect(countCommitted(counts, none)).toBe(12);
    expect(commitBody(none, ['1', '2'])).toEqual({ confirm: [] });
  });

  it('fill all but those that were decided otherwise', () => {
    const all: Decisions = { byRow: new Map([['2', 'skip']]), rest: 'fill' };
    expect(countTaken(all, 4)).toBe(3);
    expect(commitBody(all, ['1', '2', '3', '4'])).toEqual({ confirm: ['1', '3', '4'] });
  });

  it('create a new programme where the row announces another one', () => {
    const one: Decisions = { byRow: new Map([['3', 'asNew']]), rest: 'skip' };
    expect(commitBody(one, ['1', '3'])).toEqual({ confirm: [], asNew: ['3'] });
    expect(countCommitted(counts, one)).toBe(13);
  });
});
