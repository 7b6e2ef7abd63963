import { describe, expect, it } from 'vitest';
import { reasonOf } from './reason';

describe('a reason', () => {
  it('joins the usual one and the words of the person', () => {
    expect(reasonOf('마감을 놓침', ' 서류가 하루 늦음 ')).toBe('마감을 놓침: 서류가 하루 늦음');
    expect(reasonOf('마감을 놓침', '')).toBe('마감을 놓침');
    expect(reasonOf('', '서류가 늦음')).toBe('서류가 늦음');
    expect(reasonOf('', '  ')).toBe('');
  });
});
