import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { caretAfter, groupPhone, phoneDigits } from './phone';

describe('a phone number', () => {
  it('is grouped while it is typed', () => {
    expect(['0', '010', '0101', '01012345', '01012345678'].map(groupPhone)).toEqual([
      '0',
      '010',
      '010-1',
      '010-1234-5',
      '010-1234-5678',
    ]);
  });

  it.each([
    ['+82 10-1234-5678', '01012345678'],
    ['+82 010 1234 5678', '01012345678'],
    ['82-10-1234-5678', '01012345678'],
    ['(010) 1234.5678', '01012345678'],
    ['０１０１２３４５６７８', '01012345678'],
    ['01012345678 내선', '01012345678'],
    ['010123456789', '01012345678'],
    ['', ''],
  ])('is read from %s', (pasted, digits) => {
    expect(phoneDigits(pasted)).toBe(digits);
  });

  it('does not change when it is grouped again', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^01\d{0,9}$/), (digits) => {
        expect(phoneDigits(groupPhone(digits))).toBe(digits);
        expect(groupPhone(groupPhone(digits))).toBe(groupPhone(digits));
      }),
    );
  });

  it('keeps the caret behind the same digit', () => {
    expect(caretAfter('010-1234-5678', 3)).toBe(3);
    expect(caretAfter('010-1234-5678', 4)).toBe(5);
    expect(caretAfter('010-1234-5678', 11)).toBe(13);
  });
});
