import { beforeAll, describe, expect, it } from 'vitest';
import { ApiError } from '@/api/problem';
import { setLanguage } from '@/texts/texts';
import { candidatesOf, errorsOf, failureOf, fieldOf, type Entered } from './enter';
import { enterTexts } from './enterTexts';

beforeAll(() => setLanguage('ko'));

const t = enterTexts.ko;
const TODAY = '2026-03-04';
const whole: Entered = {
  projects: ['p'],
  projectName: '',
  name: '모래톱커피',
  phone: '01012345678',
  consent: true,
  date: TODAY,
  memo: '',
};
const wrong = (more: Partial<Entered>, kind: 'interest' | 'consultation' = 'consultation') =>
  Object.keys(errorsOf({ ...whole, ...more }, kind, false, TODAY, t.errors));

describe('entering for a customer', () => {
  it('wants everything at once', () => {
    expect(wrong({})).toEqual([]);
    expect(wrong({ projects: [], name: ' ', phone: '', consent: false, date: '' })).toEqual([
      'projects',
      'name',
      'phone',
      'date',
      'consent',
    ]);
  });

  it('wants no date for an interest', () => {
    expect(wrong({ date: '' }, 'interest')).toEqual([]);
  });

  it('refuses a past day and says from when', () => {
    const { date } = errorsOf(
      { ...whole, date: '2026-03-03' },
      'consultation',
      false,
      TODAY,
      t.errors,
    );
    expect(date).toContain('지난 날은 고를 수 없어요');
  });

  it('counts the digits that a number lacks', () => {
    const errors = errorsOf({ ...whole, phone: '0101234567' }, 'interest', false, TODAY, t.errors);
    expect(errors.phone).toContain('1자리 모자라요');
  });

  it('wants a name where no programme is chosen', () => {
    const errors = errorsOf({ ...whole, projects: [] }, 'interest', true, TODAY, t.errors);
    expect(Object.keys(errors)).toEqual(['projectName']);
  });

  it('puts errors of the server beside their fields', () => {
    expect(fieldOf('/customerName')).toBe('name');
    expect(fieldOf('/desiredDate')).toBe('date');
  });

  it('offers the programmes that a name fits', () => {
    const candidates = [{ id: 'a', name: '수출바우처' }];
    const error = new ApiError(422, { candidates } as never);
    expect(candidatesOf(error)).toEqual(candidates);
    expect(candidatesOf(undefined)).toEqual([]);
  });

  it('says that nothing typed is lost when there is no answer', () => {
    expect(failureOf(new ApiError(0, {}), t)).toContain('쓴 내용은 그대로 있어요');
    const ended = { type: '/problems/project-ended', title: '', status: 409 };
    expect(failureOf(new ApiError(409, ended), t)).toBe(t.failed.ended);
  });
});
