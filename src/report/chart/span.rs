//! The part of an axis that is drawn.

/// Extent from which outliers are left out: shorter axes can show all values.
const LONG: f64 = 400.0;

/// Returns the first and the last position to draw, of pairs of a position and a weight in ascending order. If few
/// values far away from the others would make the rest unreadable, these are the bounds of the weights between
/// 0.1 % and 99.9 %, else those of all positions.
pub(super) fn drawn(points: &[(f64, f64)]) -> Option<(f64, f64)> {
    let (first, last) = (points.first()?.0, points.last()?.0);
    let total: f64 = points.iter().map(|(_, weight)| weight).sum();
    let mut sum = 0.0;
    let (mut low, mut high) = (None, last);
    for (position, weight) in points {
        sum += weight;
        if low.is_none() && sum > total * 0.001 {
            low = Some(*position);
        }
        if sum >= total * 0.999 {
            high = *position;
            break;
        }
    }
    let low = low.unwrap_or(first);
    let is_long = last - first > LONG && (last - first) > 3.0 * (high - low).max(1.0);
    Some(if is_long { (low, high.max(low)) } else { (first, last) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_far_away_are_left_out() {
        let mut points: Vec<(f64, f64)> =
            (17_836..17_866).map(|day| (f64::from(day), 200.0)).collect();
        assert_eq!(drawn(&points), Some((17_836.0, 17_865.0)));
        points.insert(0, (-18_000.0, 1.0));
        points.push((90_000.0, 2.0));
        assert_eq!(drawn(&points), Some((17_836.0, 17_865.0)));
        // Many values are no outliers.
        points[0].1 = 100.0;
        assert_eq!(drawn(&points).unwrap().0, -18_000.0);
        assert_eq!(drawn(&[]), None);
        assert_eq!(drawn(&[(3.0, 0.0)]), Some((3.0, 3.0)));
    }
}
