import { describe, expect, it } from 'vitest';
import { customerName, isLastFour } from './customers';
import { staffCustomerTexts } from './texts';

const t = staffCustomerTexts.ko;

describe('customer of a row', () => {
  it('is called by name with the last digits, or by these alone', () => {
    expect(customerName({ customerName: '누리정밀', phone: '010-****-5678' }, t)).toBe(
      '누리정밀 ····5678',
    );
    expect(customerName({ phone: '010-****-5678' }, t)).toBe('고객 ····5678');
  });

  it('has no name once erased', () => {
    const erasedAt = '2026-11-24T00:00:00Z';
    expect(customerName({ customerName: '누리정밀', phone: null, erasedAt }, t)).toBe('지운 고객');
    expect(customerName({}, t)).toBe('지운 고객');
  });

  it('is found by four digits and nothing else', () => {
    expect(['5678', '567', '56789', '567a', ''].map(isLastFour)).toEqual([
      true,
      false,
      false,
      false,
      false,
    ]);
  });
});
