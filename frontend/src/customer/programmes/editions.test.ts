import { describe, expect, it } from 'vitest';
import { usualMonth } from './editions';

const opened = (startsOn: string | null) => ({ year: 2026, period: { startsOn } });

describe('usualMonth', () => {
  it('is the month that all announcements share', () => {
    expect(usualMonth([opened('2026-02-09'), opened('2025-02-11')])).toBe(2);
  });

  it('is unknown where they differ or only one has a date', () => {
    expect(usualMonth([opened('2026-02-09'), opened('2025-03-11')])).toBeUndefined();
    expect(usualMonth([opened('2026-02-09'), opened(null)])).toBeUndefined();
    expect(usualMonth([])).toBeUndefined();
  });
});
