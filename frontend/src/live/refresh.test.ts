import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { effectOf, Rounds } from './refresh';

const keysOf = (type: string, isStaff = false) =>
  effectOf({ type, cursor: '1-a-1' }, isStaff).keys.map((key) => key.join(' '));

describe('what an event marks as out of date', () => {
  it('is the lists that show it', () => {
    expect(keysOf('ConsultationProgressed')).toContain('consultations');
    expect(keysOf('SalesmanMatched')).toEqual(
      expect.arrayContaining(['salesman-matches', 'consultations', 'interests']),
    );
    expect(keysOf('projects-changed')).toContain('projects');
  });

  it('is the list of programmes for staff alone when customers act', () => {
    expect(keysOf('InterestCreated', true)).toContain('projects list');
    expect(keysOf('InterestCreated')).not.toContain('projects list');
  });

  it('is everything for a type that this version does not know', () => {
    expect(keysOf('SomethingNew')).toEqual(['']);
  });
});

describe('rounds of reads', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it('begin at once after a quiet time', () => {
    const marked: string[] = [];
    new Rounds((key) => marked.push(key.join(' '))).add([['consultations']]);
    vi.advanceTimersByTime(0);
    expect(marked).toEqual(['consultations']);
  });

  it('follow a first event soon, and get rarer while events go on', () => {
    const marked: number[] = [];
    const rounds = new Rounds(() => marked.push(Date.now()));
    const begin = Date.now();
    for (let event = 0; event < 250; event += 1) {
      rounds.add([['consultations']]);
      vi.advanceTimersByTime(20);
    }
    const after = marked.map((at) => at - begin);
    expect(after[1]).toBeLessThanOrEqual(120);
    expect(after.length).toBeLessThanOrEqual(9);
  });

  it('miss no event, however many come', () => {
    const marked: number[] = [];
    const rounds = new Rounds(() => marked.push(Date.now()));
    const begin = Date.now();
    for (let event = 0; event < 100; event += 1) {
      rounds.add([['consultations']]);
      vi.advanceTimersByTime(20);
    }
    const last = Date.now();
    vi.advanceTimersByTime(1_000);
    expect(marked[0]).toBe(begin);
    expect(marked.at(-1)).toBeGreaterThanOrEqual(last - 20);
  });
});
