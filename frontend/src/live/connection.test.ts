import { describe, expect, it } from 'vitest';
import { delayOf } from './connection';

describe('delay before a reconnection', () => {
  it('grows from about a second to about half a minute and no further', () => {
    const delays = Array.from({ length: 12 }, (_, attempt) => delayOf(attempt, 0.5));
    expect(delays[0]).toBe(1_000);
    expect(delays[3]).toBe(8_000);
    expect(delays.at(-1)).toBe(30_000);
  });

  it('differs between browsers that lost the connection together', () => {
    expect(delayOf(5, 0)).toBeLessThan(delayOf(5, 0.99));
  });
});
