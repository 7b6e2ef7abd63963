import { describe, expect, it } from 'vitest';
import { conflictsOf, merged } from './conflict';

const opened = { desiredDate: '2026-12-05', memo: '오전' };

describe('an edit of what changed meanwhile', () => {
  it('has no conflict where the edited fields did not change', () => {
    const stored = { ...opened, memo: '오후' };
    const mine = { ...opened, desiredDate: '2026-12-08', memo: opened.memo };
    // The memo that was not touched is taken over, and the date is saved.
    const next = merged(opened, stored, mine);
    expect(next).toEqual({ desiredDate: '2026-12-08', memo: '오후' });
    expect(conflictsOf(opened, stored, next)).toEqual([]);
  });

  it('names the fields that both changed to different values', () => {
    const stored = { desiredDate: '2026-12-06', memo: '같은 메모' };
    const mine = { desiredDate: '2026-12-07', memo: '같은 메모' };
    expect(conflictsOf(opened, stored, merged(opened, stored, mine))).toEqual(['desiredDate']);
  });
});
