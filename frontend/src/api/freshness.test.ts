import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { afterOf, awaitVersion, settle, whenBehind } from './freshness';

const PATH = '/api/projects/{id}/view';
const version = (aggregateId: string, version = 1) => ({
  aggregate: 'consultation',
  aggregateId,
  version,
});
let read: string[];

beforeEach(() => {
  vi.useFakeTimers();
  read = [];
  whenBehind((service) => read.push(service));
});
// What a test left behind expires.
afterEach(() => {
  vi.advanceTimersByTime(600_000);
  vi.useRealTimers();
});

describe('a read after an event', () => {
  it('waits for it for a moment', () => {
    awaitVersion(['projects'], version('a'));
    expect(afterOf(PATH)).toBe('consultation/a@1');
    expect(afterOf('/api/interests')).toBeUndefined();
    vi.advanceTimersByTime(5_000);
    expect(afterOf(PATH)).toBeUndefined();
  });

  it('waits no more once an answer had it', () => {
    awaitVersion(['projects'], version('a'));
    settle(PATH, 'consultation/a@1', true);
    expect(afterOf(PATH)).toBeUndefined();
    vi.advanceTimersByTime(60_000);
    expect(read).toEqual([]);
  });

  it('is made again, ever later, while answers lack it', () => {
    awaitVersion(['projects'], version('a'));
    const delays: number[] = [];
    for (let answer = 0; answer < 8; answer += 1) {
      settle(PATH, 'consultation/a@1', false);
      const before = Date.now();
      vi.advanceTimersToNextTimer();
      delays.push(Date.now() - before);
    }
    expect(delays).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    settle(PATH, 'consultation/a@1', true);
    vi.advanceTimersByTime(60_000);
    expect(read).toHaveLength(8);
  });

  it('is given up for an event that never comes', () => {
    awaitVersion(['projects'], version('a'));
    settle(PATH, 'consultation/a@1', false);
    vi.advanceTimersByTime(300_000);
    expect(afterOf(PATH)).toBeUndefined();
  });

  it('is made again for each of several events', () => {
    awaitVersion(['projects'], version('a'));
    awaitVersion(['projects'], version('b'));
    settle(PATH, 'consultation/a@1', true);
    vi.advanceTimersToNextTimer();
    expect(read).toEqual(['projects']);
    expect(afterOf(PATH)).toBe('consultation/b@1');
    settle(PATH, 'consultation/b@1', true);
    expect(afterOf(PATH)).toBeUndefined();
  });

  it('waits for the newest version of a thing', () => {
    awaitVersion(['projects'], version('a', 2));
    awaitVersion(['projects'], version('a', 1));
    settle(PATH, 'consultation/a@1', true);
    expect(afterOf(PATH)).toBe('consultation/a@2');
  });
});
