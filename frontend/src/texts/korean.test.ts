import { describe, expect, it } from 'vitest';
import { glue, withParticle } from './korean';

const plain = (text: string): string => text.replaceAll('\u2060', '');

describe('particles', () => {
  it.each([
    ['수출바우처', '을/를', '수출바우처를'],
    ['지원사업', '을/를', '지원사업을'],
    ['2026', '이/가', '2026이'],
    ['3. 11.(목)', '으로/로', '3. 11.(목)로'],
    ['서울', '으로/로', '서울로'],
    ['부산', '으로/로', '부산으로'],
    ['경기', '으로/로', '경기로'],
    ['담당자', '이에요/예요', '담당자예요'],
    ['D-7', '이/가', 'D-7이'],
    ['KT', '이/가', 'KT가'],
    ['TIPS 프로그램', '은/는', 'TIPS 프로그램은'],
  ] as const)('%s with %s is %s', (word, particle, expected) => {
    expect(plain(withParticle(word, particle))).toBe(expected);
  });

  it('stay on the line of their word', () => {
    expect(withParticle('사업', '이/가')).toBe('사업\u2060이');
  });
});

describe('glue', () => {
  it('keeps a dot between two words with both of them', () => {
    expect(glue('보급·확산')).toBe('보급\u2060·\u2060확산');
  });

  it('leaves a dot between spaces alone', () => {
    expect(glue('창업 · 서울')).toBe('창업 · 서울');
  });
});
