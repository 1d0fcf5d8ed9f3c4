package dashdtest

import "fmt"

// Again makes a network with the same addresses and another name, or fails to.
func (n *Network) Again() (*Network, error) {
	var mark uint32
	if _, err := fmt.Sscanf(n.link, "dt%08x", &mark); err != nil {
		return nil, err
	}
	const sameAddress = 2 * 254 << 8 // see prefix in newNetwork
	if mark > sameAddress {
		return newNetwork(mark - sameAddress)
	}
	return newNetwork(mark + sameAddress)
}
